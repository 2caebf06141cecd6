// A program with no Python loads the op library.
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "tensorflow/c/c_api.h"

namespace {

// From the runfiles' root, where Bazel starts a test.
constexpr char kOpLibrary[] = "cc/tf/libtensorflow_scann_ops.so";

constexpr const char* kOps[] = {"ScannSearcher",      "ScannLoad", "ScannSearch",
                                "ScannSearchBatched", "ScannSave", "ScannSerialize",
                                "ScannRestore",       "ScannInfo", "ScannCountHigher"};

TEST(OpLoadTest, LoadsAndRegistersItsOps) {
  std::unique_ptr<TF_Status, void (*)(TF_Status*)> status(TF_NewStatus(), TF_DeleteStatus);
  TF_Library* library = TF_LoadLibrary(kOpLibrary, status.get());
  ASSERT_EQ(TF_GetCode(status.get()), TF_OK) << TF_Message(status.get());

  const TF_Buffer ops = TF_GetOpList(library);
  const std::string op_list(static_cast<const char*>(ops.data), ops.length);
  TF_DeleteLibraryHandle(library);
  for (const char* op : kOps) {
    EXPECT_NE(op_list.find(op), std::string::npos) << op;
    std::unique_ptr<TF_Buffer, void (*)(TF_Buffer*)> kernels(
        TF_GetRegisteredKernelsForOp(op, status.get()), TF_DeleteBuffer);
    ASSERT_EQ(TF_GetCode(status.get()), TF_OK) << TF_Message(status.get());
    EXPECT_GT(kernels->length, 0) << op;
  }
}

}  // namespace
