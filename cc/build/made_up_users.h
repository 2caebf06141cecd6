// Queries for builds that were given none. Rows themselves are one kind of them; where lengths
// differ, as those of a trained two-tower model do, queries are likely to be distributed unlike the
// rows, and harder: a made-up user is a few rows that it likes minus a few that it does not.
#ifndef TFSCANN_BUILD_MADE_UP_USERS_H_
#define TFSCANN_BUILD_MADE_UP_USERS_H_

#include <algorithm>

#include "cc/base/matrix_view.h"
#include "cc/base/random.h"

namespace tfscann {

// On three kinds of synthetic users these were as hard as the users or a little harder; the mean of
// four rows was easier.
inline constexpr int64_t kLikedRows = 4;
inline constexpr int64_t kDislikedRows = 2;

// Writes a user, rows.cols() values.
inline void MakeUpUser(MatrixView<const float> rows, Random random, float* user) {
  std::fill(user, user + rows.cols(), 0.0f);
  for (int64_t part = 0; part < kLikedRows + kDislikedRows; ++part) {
    const float* row = rows.row(static_cast<int64_t>(random.Below(rows.rows())));
    const float weight = (part < kLikedRows ? 1.0f : -1.0f) / kLikedRows;
    for (int64_t dim = 0; dim < rows.cols(); ++dim) user[dim] += weight * row[dim];
  }
}

}  // namespace tfscann

#endif  // TFSCANN_BUILD_MADE_UP_USERS_H_
