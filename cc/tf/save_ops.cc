// ScannSave, ScannSerialize, ScannRestore and ScannInfo: getting an index out of a searcher, and
// checkpoints. Not needed in a model server.
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace tfscann {

using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

REGISTER_OP("ScannSave")
    .Input("searcher: resource")
    .Input("path: string")
    .SetIsStateful()
    .SetShapeFn([](InferenceContext* c) {
      ShapeHandle unused;
      TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 0, &unused));
      return c->WithRank(c->input(1), 0, &unused);
    })
    .Doc(R"doc(
Writes a searcher's index file: to a temporary name in the same folder, then renamed.

path: Scalar; any path that TensorFlow can write to.
)doc");

REGISTER_OP("ScannSerialize")
    .Input("searcher: resource")
    .Output("bytes: uint8")
    .SetIsStateful()
    .SetShapeFn([](InferenceContext* c) {
      c->set_output(0, c->Vector(InferenceContext::kUnknownDim));
      return absl::OkStatus();
    })
    .Doc(R"doc(
The bytes of a searcher's index file; none if it has no index.
)doc");

REGISTER_OP("ScannRestore")
    .Input("searcher: resource")
    .Input("bytes: uint8")
    .SetIsStateful()
    .SetShapeFn([](InferenceContext* c) {
      ShapeHandle unused;
      return c->WithRank(c->input(1), 1, &unused);
    })
    .Doc(R"doc(
Makes an index of the bytes of an index file and puts it into a searcher, in place of the index that
it had. No bytes: leaves the searcher as it is.
)doc");

REGISTER_OP("ScannInfo")
    .Input("searcher: resource")
    .Output("json: string")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::ScalarShape)
    .Doc(R"doc(
What a searcher's index is, as a JSON object; empty if it has no index.
)doc");

}  // namespace tfscann
