// The one place where an engine Status becomes a TensorFlow one.
#ifndef TFSCANN_TF_STATUS_BRIDGE_H_
#define TFSCANN_TF_STATUS_BRIDGE_H_

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cc/base/status.h"

namespace tfscann {

// `context` (a path, say) is put before the message.
inline absl::Status ToTensorFlow(const Status& status, absl::string_view context = "") {
  if (status.ok()) return absl::OkStatus();
  absl::StatusCode code = absl::StatusCode::kInternal;
  switch (status.code()) {
    case StatusCode::kOk:
      return absl::OkStatus();
    case StatusCode::kCancelled:
      code = absl::StatusCode::kCancelled;
      break;
    case StatusCode::kInvalidArgument:
      code = absl::StatusCode::kInvalidArgument;
      break;
    case StatusCode::kNotFound:
      code = absl::StatusCode::kNotFound;
      break;
    case StatusCode::kFailedPrecondition:
      code = absl::StatusCode::kFailedPrecondition;
      break;
    case StatusCode::kDataLoss:
      code = absl::StatusCode::kDataLoss;
      break;
    case StatusCode::kUnimplemented:
      code = absl::StatusCode::kUnimplemented;
      break;
    case StatusCode::kResourceExhausted:
      code = absl::StatusCode::kResourceExhausted;
      break;
    case StatusCode::kInternal:
      break;
  }
  return absl::Status(
      code, context.empty() ? status.message() : absl::StrCat(context, ": ", status.message()));
}

}  // namespace tfscann

#endif  // TFSCANN_TF_STATUS_BRIDGE_H_
