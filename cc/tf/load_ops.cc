// ScannSearcher and ScannLoad: what a model server needs to get an index into memory.
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace tfscann {

using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

REGISTER_OP("ScannSearcher")
    .Attr("container: string = ''")
    .Attr("shared_name: string = ''")
    .Output("searcher: resource")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::ScalarShape)
    .Doc(R"doc(
Creates a searcher resource, empty until ScannLoad or ScannRestore.

Searchers of equal `shared_name` (empty: the node's name) in one resource manager are the same one.
)doc");

REGISTER_OP("ScannLoad")
    .Input("searcher: resource")
    .Input("path: string")
    .SetIsStateful()
    .SetShapeFn([](InferenceContext* c) {
      ShapeHandle unused;
      TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 0, &unused));
      return c->WithRank(c->input(1), 0, &unused);
    })
    .Doc(R"doc(
Loads an index file into a searcher, in place of the index that it had.

The file is mapped where its file system can do that. All of it is read and checked here, and all of
a tree but its float32 rows is moved to huge pages where the system has them.

path: Scalar; any path that TensorFlow can open.
)doc");

}  // namespace tfscann
