// Errors as values. Every fallible engine function returns Status or Result<T>; each boundary
// (TensorFlow, Python, a C++ program) converts them once. Standard library only.
#ifndef TFSCANN_BASE_STATUS_H_
#define TFSCANN_BASE_STATUS_H_

#include <optional>
#include <sstream>
#include <string>
#include <utility>

namespace tfscann {

// The subset of the gRPC/absl status codes that the engine produces.
enum class StatusCode {
  kOk,
  kCancelled,
  kInvalidArgument,
  kNotFound,
  kFailedPrecondition,
  kDataLoss,
  kUnimplemented,
  kResourceExhausted,
  kInternal,
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

// Concatenates the printed forms of `parts`.
template <typename... Parts>
std::string StrCat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

template <typename... Parts>
Status InvalidArgument(const Parts&... parts) {
  return Status(StatusCode::kInvalidArgument, StrCat(parts...));
}
template <typename... Parts>
Status DataLoss(const Parts&... parts) {
  return Status(StatusCode::kDataLoss, StrCat(parts...));
}

// A value or the Status that explains its absence.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(Status status) : status_(std::move(status)) {}  // NOLINT: implicit by design
  Result(T value) : value_(std::move(value)) {}          // NOLINT: implicit by design

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  T& value() { return *value_; }
  const T& value() const { return *value_; }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace tfscann

#define TFSCANN_CONCAT_INNER(a, b) a##b
#define TFSCANN_CONCAT(a, b) TFSCANN_CONCAT_INNER(a, b)

// Returns the Status of `expr` from the enclosing function unless it is OK.
#define TFSCANN_RETURN_IF_ERROR(expr)                                                           \
  do {                                                                                          \
    if (::tfscann::Status tfscann_status = (expr); !tfscann_status.ok()) return tfscann_status; \
  } while (false)

// Assigns the value of a Result to `lhs`, or returns its Status.
#define TFSCANN_ASSIGN_OR_RETURN(lhs, expr) \
  TFSCANN_ASSIGN_OR_RETURN_IMPL(TFSCANN_CONCAT(tfscann_result_, __LINE__), lhs, expr)
#define TFSCANN_ASSIGN_OR_RETURN_IMPL(result, lhs, expr) \
  auto result = (expr);                                  \
  if (!result.ok()) return result.status();              \
  lhs = std::move(result.value())

#endif  // TFSCANN_BASE_STATUS_H_
