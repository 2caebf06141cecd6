// ScannSearch and ScannSearchBatched.
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace tfscann {

using ::tensorflow::shape_inference::DimensionHandle;
using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

namespace {

// Checks the scalars that both ops have as inputs 2 to 4.
absl::Status CheckScalars(InferenceContext* c) {
  ShapeHandle unused;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 0, &unused));
  for (const int input : {2, 3, 4}) TF_RETURN_IF_ERROR(c->WithRank(c->input(input), 0, &unused));
  return absl::OkStatus();
}

absl::Status SearchShape(InferenceContext* c) {
  TF_RETURN_IF_ERROR(CheckScalars(c));
  ShapeHandle unused;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(1), 1, &unused));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(5), 1, &unused));
  DimensionHandle k;
  TF_RETURN_IF_ERROR(c->MakeDimForScalarInput(2, &k));
  c->set_output(0, c->Vector(k));
  c->set_output(1, c->Vector(k));
  return absl::OkStatus();
}

absl::Status SearchBatchedShape(InferenceContext* c) {
  TF_RETURN_IF_ERROR(CheckScalars(c));
  ShapeHandle queries, unused;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(1), 2, &queries));
  TF_RETURN_IF_ERROR(c->WithRankAtLeast(c->input(5), 1, &unused));
  TF_RETURN_IF_ERROR(c->WithRankAtMost(c->input(5), 2, &unused));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(6), 1, &unused));
  DimensionHandle k;
  TF_RETURN_IF_ERROR(c->MakeDimForScalarInput(2, &k));
  const ShapeHandle output = c->Matrix(c->Dim(queries, 0), k);
  c->set_output(0, output);
  c->set_output(1, output);
  return absl::OkStatus();
}

}  // namespace

REGISTER_OP("ScannSearch")
    .Input("searcher: resource")
    .Input("query: float")
    .Input("k: int32")
    .Input("num_leaves_to_search: int32")
    .Input("num_reordering_candidates: int32")
    .Input("exclusions: Tidentifiers")
    .Attr("Tidentifiers: {int32, int64, float, double, string} = DT_INT32")
    .Output("scores: float")
    .Output("identifiers: Tidentifiers")
    .SetIsStateful()
    .SetShapeFn(SearchShape)
    .Doc(R"doc(
The best k candidates for one query, best first.

query: [d].
k: Scalar, at least 1.
num_leaves_to_search: Scalar; 0: what the index was built with. Those of the average query: harder ones get more,
  easier ones fewer. As many as there are: all.
num_reordering_candidates: Scalar; 0: what the index was built with, more in proportion for a larger k.
exclusions: [m], identifiers that must not be returned.
scores: [k]: dot product, cosine, or squared Euclidean distance. Where fewer than k candidates remain,
  and for a query with a NaN or infinity: -infinity (infinity for a distance).
identifiers: [k]; in missing places -1, "" or NaN.
Tidentifiers: The type of the index's identifiers; int32 for row numbers.
)doc");

REGISTER_OP("ScannSearchBatched")
    .Input("searcher: resource")
    .Input("queries: float")
    .Input("k: int32")
    .Input("num_leaves_to_search: int32")
    .Input("num_reordering_candidates: int32")
    .Input("exclusions: Tidentifiers")
    .Input("exclusion_row_splits: int64")
    .Attr("Tidentifiers: {int32, int64, float, double, string} = DT_INT32")
    .Attr("parallelize: bool = true")
    .Output("scores: float")
    .Output("identifiers: Tidentifiers")
    .SetIsStateful()
    .SetShapeFn(SearchBatchedShape)
    .Doc(R"doc(
The best k candidates for each query of a batch; ScannSearch says what the other inputs are.

queries: [b, d].
exclusions: [b, m], or the values of a ragged batch, [total], or [0] for none.
exclusion_row_splits: Of ragged exclusions, [b + 1]; else [0].
parallelize: Spread the batch over the threads of the device.
scores: [b, k].
identifiers: [b, k].
)doc");

}  // namespace tfscann
