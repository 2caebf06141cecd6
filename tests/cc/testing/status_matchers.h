// Matchers for Status and Result.
#ifndef TFSCANN_TESTS_TESTING_STATUS_MATCHERS_H_
#define TFSCANN_TESTS_TESTING_STATUS_MATCHERS_H_

#include <ostream>
#include <string>

#include "cc/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tfscann {

// Found by GoogleTest when it prints a failure.
inline void PrintTo(const Status& status, std::ostream* out) {
  *out << "Status(" << static_cast<int>(status.code()) << ", \"" << status.message() << "\")";
}

namespace testing {

inline const Status& StatusOf(const Status& status) { return status; }
template <typename T>
const Status& StatusOf(const Result<T>& result) {
  return result.status();
}

// A Status or Result with this code and this text somewhere in its message.
MATCHER_P2(Fails, code, text, "") {
  const Status& status = StatusOf(arg);
  *result_listener << "with message \"" << status.message() << "\"";
  return status.code() == code && status.message().find(text) != std::string::npos;
}

}  // namespace testing
}  // namespace tfscann

#define TFSCANN_EXPECT_OK(expr)                                           \
  do {                                                                    \
    const auto& tfscann_value = (expr);                                   \
    EXPECT_EQ(::tfscann::testing::StatusOf(tfscann_value).message(), ""); \
    EXPECT_TRUE(::tfscann::testing::StatusOf(tfscann_value).ok());        \
  } while (false)

#define TFSCANN_ASSERT_OK(expr)                                   \
  do {                                                            \
    const auto& tfscann_value = (expr);                           \
    ASSERT_TRUE(::tfscann::testing::StatusOf(tfscann_value).ok()) \
        << ::tfscann::testing::StatusOf(tfscann_value).message(); \
  } while (false)

#endif  // TFSCANN_TESTS_TESTING_STATUS_MATCHERS_H_
