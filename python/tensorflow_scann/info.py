"""IndexInfo: what a built index is."""

import dataclasses
import json


@dataclasses.dataclass(frozen=True)
class IndexInfo:
    """What `Searcher.info()` returns. Parameters of the tree are `None` in an exact index.

    Attributes:
      num_candidates: Rows in the index.
      dimensions: Of a candidate and of a query.
      distance_measure: "dot_product", "cosine" or "squared_l2".
      identifiers: Type of the identifiers: "int32", "int64", "float32", "float64" or "string".
      default_identifiers: True if none were given and identifiers are row numbers.
      is_exact: True if every candidate is scored exactly for every query.
      num_leaves: Partitions.
      num_leaves_to_search: Partitions searched for the average query, unless a search says
        otherwise.
      training_iterations: Rounds of k-means.
      dimensions_per_block: Dimensions quantized together.
      num_reordering_candidates: Candidates scored again unless a search says otherwise; in
        proportion more for a k larger than this one.
      soar_lambda: SOAR's weight; 0: candidates stand in one partition each.
      anisotropic_quantization_threshold: As in IndexConfig.
      reordering_dtype: "float32" or "int8".
      k: The number of results that the recalls speak of.
      target_recall: What was asked for.
      measured_recall: What the build measured, with the tuning queries that it was given or with a
        sample of the candidates, each left out of its own results; 1 if exact.
      seed: Of the build.
      format_version: Of index files.
      cpu_kernels: Instruction sets in use: "scalar", "avx2" or "avx512".
      file_bytes: Size of the index file.
      section_bytes: Size of each of its sections.
    """

    num_candidates: int
    dimensions: int
    distance_measure: str
    identifiers: str
    default_identifiers: bool
    is_exact: bool
    num_leaves: int | None
    num_leaves_to_search: int | None
    training_iterations: int | None
    dimensions_per_block: int | None
    num_reordering_candidates: int | None
    soar_lambda: float | None
    anisotropic_quantization_threshold: float | None
    reordering_dtype: str
    k: int
    target_recall: float
    measured_recall: float
    seed: int
    format_version: int
    cpu_kernels: str
    file_bytes: int
    section_bytes: dict[str, int]

    @classmethod
    def from_json(cls, text: str | bytes) -> "IndexInfo":
        """Reads the engine's description of an index."""
        return cls(**json.loads(text))

    def summary(self) -> str:
        """What the index is, in a few sentences."""
        of = f"{self.num_candidates:,} candidates of {self.dimensions} dimensions"
        text = f"{of}, compared by {self.distance_measure}, {self.file_bytes / 1e6:,.1f} MB. "
        if self.is_exact:
            return text + "Every candidate is scored exactly for every query."
        copies = "two partitions each (SOAR)" if self.soar_lambda else "one partition each"
        return text + (
            f"They stand in {self.num_leaves:,} partitions, {copies}, as 4-bit codes for every "
            f"{self.dimensions_per_block} dimensions. A search looks into "
            f"{self.num_leaves_to_search:,} partitions on average and scores the best "
            f"{self.num_reordering_candidates:,} again, by {self.reordering_dtype} values. "
            f"When it was built that found {self.measured_recall:.4f} of the best {self.k}; the "
            f"target was {self.target_recall}."
        )
