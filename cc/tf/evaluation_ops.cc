// ScannCountHigher.
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace tfscann {
namespace {

using ::tensorflow::shape_inference::DimensionHandle;
using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

absl::Status CountHigherShape(InferenceContext* c) {
  ShapeHandle queries, candidates, scores;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 2, &queries));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(1), 2, &candidates));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(2), 1, &scores));
  DimensionHandle count, unused;
  TF_RETURN_IF_ERROR(c->Merge(c->Dim(queries, 0), c->Dim(scores, 0), &count));
  TF_RETURN_IF_ERROR(c->Merge(c->Dim(queries, 1), c->Dim(candidates, 1), &unused));
  c->set_output(0, c->Vector(count));
  return absl::OkStatus();
}

}  // namespace

REGISTER_OP("ScannCountHigher")
    .Input("queries: float")
    .Input("candidates: float")
    .Input("scores: float")
    .Output("counts: int32")
    .SetShapeFn(CountHigherShape)
    .Doc(R"doc(
How many candidates score higher than a given score, for each query, by dot product.

queries: [b, d].
candidates: [n, d].
scores: [b].
counts: [b]: candidates whose dot product with the query is greater than the score, or NaN; all of
  them where the score is NaN.
)doc");

}  // namespace tfscann
