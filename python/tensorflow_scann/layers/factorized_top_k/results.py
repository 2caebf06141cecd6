"""Results of exact search in TensorFlow ops: distance measures, missing places, exclusions."""

from typing import Any

import tensorflow as tf

from ...config import DISTANCE_MEASURES

Results = tuple[tf.Tensor, tf.Tensor]  # scores, identifiers


def check_distance_measure(distance_measure: str) -> None:
    """Raises ValueError for an unknown one."""
    if distance_measure not in DISTANCE_MEASURES:
        raise ValueError(
            f"distance_measure is {distance_measure!r}, but must be one of "
            f"{', '.join(map(repr, DISTANCE_MEASURES))}"
        )


def missing_identifier(dtype: tf.DType) -> Any:
    """What stands in a missing place: -1, "" or NaN."""
    if dtype == tf.string:
        return ""
    return float("nan") if dtype.is_floating else -1


def similarity(queries: tf.Tensor, candidates: tf.Tensor, distance_measure: str) -> tf.Tensor:
    """[b, d] x [n, d] -> [b, n], larger for better: squared_l2 is negated."""
    if distance_measure == "cosine":
        queries, candidates = unit_length(queries), unit_length(candidates)
    if distance_measure == "squared_l2":
        # Far from the origin the squares below would leave nothing of small distances.
        centre = tf.reduce_mean(candidates, axis=0)
        queries, candidates = queries - centre, candidates - centre
    products = tf.linalg.matmul(queries, candidates, transpose_b=True)
    if distance_measure != "squared_l2":
        return products
    squared_queries = tf.reduce_sum(queries * queries, axis=-1)
    squared_candidates = tf.reduce_sum(candidates * candidates, axis=-1)
    distances = squared_queries[:, None] - 2 * products + squared_candidates[None, :]
    return -tf.maximum(distances, 0.0)


def pair_similarity(queries: tf.Tensor, candidates: tf.Tensor, distance_measure: str) -> tf.Tensor:
    """[b, d] x [b, d] -> [b]: as `similarity`, of each query and its candidate."""
    if distance_measure == "squared_l2":
        return -tf.reduce_sum(tf.math.squared_difference(queries, candidates), axis=-1)
    if distance_measure == "cosine":
        queries, candidates = unit_length(queries), unit_length(candidates)
    return tf.reduce_sum(queries * candidates, axis=-1)


def unit_length(vectors: tf.Tensor) -> tf.Tensor:
    """Rows scaled to unit length; zero stays zero.

    Squares of extreme values would not be finite.
    """
    largest = tf.reduce_max(tf.abs(vectors), axis=-1, keepdims=True)
    scaled = tf.math.divide_no_nan(vectors, largest)
    return tf.math.divide_no_nan(scaled, tf.norm(scaled, axis=-1, keepdims=True))


def finite_rows(queries: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Queries with NaN and infinity replaced by 0, and [b], true where there were none."""
    finite = tf.reduce_all(tf.math.is_finite(queries), axis=-1)
    return tf.where(tf.math.is_finite(queries), queries, tf.zeros_like(queries)), finite


def finish(
    similarities: tf.Tensor, identifiers: tf.Tensor, valid: tf.Tensor, k: tf.Tensor, measure: str
) -> Results:
    """Turns [b, m] similarities, best first, into [b, k] results.

    Places that are not `valid`, [b, m], and those behind the m-th become missing. Valid places of a
    row must come before the others.
    """
    width = tf.shape(similarities)[1]
    similarities = similarities[:, :k]
    identifiers = identifiers[:, :k]
    valid = valid[:, :k]
    padding = [[0, 0], [0, tf.maximum(k - width, 0)]]
    missing = tf.constant(missing_identifier(identifiers.dtype), identifiers.dtype)
    similarities = tf.where(valid, similarities, -float("inf"))
    identifiers = tf.where(valid, identifiers, missing)
    similarities = tf.pad(similarities, padding, constant_values=-float("inf"))
    identifiers = tf.pad(identifiers, padding, constant_values=missing)
    scores = -similarities + 0.0 if measure == "squared_l2" else similarities
    static_k = tf.get_static_value(k)
    for tensor in (scores, identifiers):
        tensor.set_shape([None, None if static_k is None else int(static_k)])
    return scores, identifiers


def is_excluded(identifiers: tf.Tensor, exclusions: tf.Tensor | tf.RaggedTensor) -> tf.Tensor:
    """[b, m] identifiers and the exclusions of each row -> [b, m], true where excluded."""
    if not isinstance(exclusions, tf.RaggedTensor):
        return tf.reduce_any(identifiers[:, :, None] == exclusions[:, None, :], axis=-1)
    # Pairs of an exclusion and each identifier of its row, brought together by row.
    rows = exclusions.value_rowids()
    equal = tf.gather(identifiers, rows) == exclusions.values[:, None]
    hits = tf.math.unsorted_segment_sum(tf.cast(equal, tf.int32), rows, tf.shape(identifiers)[0])
    return hits > 0


def check_rows(values: Any, queries: tf.Tensor, message: str) -> Any:
    """The values, dense or ragged, of which there must be a row for each query."""
    rows = values.nrows() if isinstance(values, tf.RaggedTensor) else tf.shape(values)[0]
    check = tf.debugging.assert_equal(tf.cast(rows, tf.int32), tf.shape(queries)[0], message)
    with tf.control_dependencies([] if check is None else [check]):
        return tf.identity(values)


def exclusion_width(exclusions: tf.Tensor | tf.RaggedTensor) -> tf.Tensor:
    """The largest number of exclusions of a row, int32."""
    if not isinstance(exclusions, tf.RaggedTensor):
        return tf.shape(exclusions)[1]
    lengths = tf.cast(exclusions.row_lengths(), tf.int32)
    return tf.maximum(tf.reduce_max(lengths), 0)


def drop_excluded(
    similarities: tf.Tensor,
    identifiers: tf.Tensor,
    valid: tf.Tensor,
    exclusions: tf.Tensor | tf.RaggedTensor,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Moves excluded places behind all others, which keep their order, and marks them invalid."""
    valid = valid & ~is_excluded(identifiers, exclusions)
    order = tf.argsort(tf.cast(~valid, tf.int32), axis=-1, stable=True)
    return (
        tf.gather(similarities, order, batch_dims=1),
        tf.gather(identifiers, order, batch_dims=1),
        tf.gather(valid, order, batch_dims=1),
    )
