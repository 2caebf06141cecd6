#include "cc/tf/identifier_tensors.h"

#include <limits>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace tfscann {
namespace {

using ::tensorflow::Tensor;
using ::tensorflow::tstring;

template <typename T>
void WriteValues(const Identifiers& identifiers, Span<const int32_t> rows, T missing, Tensor* out) {
  T* values = out->flat<T>().data();
  for (size_t i = 0; i < rows.size(); ++i) {
    values[i] = rows[i] < 0 ? missing : identifiers.Value<T>(rows[i]);
  }
}

// Identifiers are compared by their bytes: -0 is stored as 0.
template <typename T, typename Visit>
void FindRowsOfFloat(const Identifiers& identifiers, T value, const Visit& visit) {
  value += T{0};
  identifiers.FindRows({reinterpret_cast<const char*>(&value), sizeof(value)}, visit);
}

// Calls `visit(row)` for the rows called by element i of `values`.
template <typename Visit>
void FindRowsOfElement(const Index& index, const Tensor& values, int64_t i, const Visit& visit) {
  const Identifiers& identifiers = index.identifiers();
  switch (identifiers.type()) {
    case IdentifierType::kRowNumber: {
      const int32_t row = values.flat<int32_t>()(i);
      if (row >= 0 && row < index.parameters().num_candidates) visit(row);
      return;
    }
    case IdentifierType::kFloat32:
      return FindRowsOfFloat(identifiers, values.flat<float>()(i), visit);
    case IdentifierType::kFloat64:
      return FindRowsOfFloat(identifiers, values.flat<double>()(i), visit);
    case IdentifierType::kString: {
      const tstring& value = values.flat<tstring>()(i);
      identifiers.FindRows(std::string_view(value.data(), value.size()), visit);
      return;
    }
    default: {
      const int64_t size = IdentifierBytes(identifiers.type());
      const char* data = static_cast<const char*>(values.data()) + i * size;
      identifiers.FindRows(std::string_view(data, static_cast<size_t>(size)), visit);
      return;
    }
  }
}

absl::Status CheckSplits(const Tensor& splits, int64_t num_queries, int64_t num_values) {
  const auto starts = splits.flat<int64_t>();
  if (splits.NumElements() != num_queries + 1) {
    return absl::InvalidArgumentError(absl::StrCat("exclusions have ", splits.NumElements() - 1,
                                                   " rows for ", num_queries, " queries"));
  }
  bool valid = starts(0) == 0 && starts(num_queries) == num_values;
  for (int64_t i = 0; i < num_queries; ++i) valid = valid && starts(i) <= starts(i + 1);
  if (valid) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("exclusion_row_splits must ascend from 0 to ", num_values));
}

}  // namespace

tensorflow::DataType IdentifierDataType(const Identifiers& identifiers) {
  switch (identifiers.type()) {
    case IdentifierType::kRowNumber:
    case IdentifierType::kInt32:
      return tensorflow::DT_INT32;
    case IdentifierType::kInt64:
      return tensorflow::DT_INT64;
    case IdentifierType::kFloat32:
      return tensorflow::DT_FLOAT;
    case IdentifierType::kFloat64:
      return tensorflow::DT_DOUBLE;
    case IdentifierType::kString:
      return tensorflow::DT_STRING;
  }
  return tensorflow::DT_INVALID;
}

void WriteIdentifiers(const Identifiers& identifiers, Span<const int32_t> rows, Tensor* out) {
  switch (identifiers.type()) {
    case IdentifierType::kRowNumber:
      std::copy(rows.begin(), rows.end(), out->flat<int32_t>().data());
      return;
    case IdentifierType::kInt32:
      return WriteValues<int32_t>(identifiers, rows, -1, out);
    case IdentifierType::kInt64:
      return WriteValues<int64_t>(identifiers, rows, -1, out);
    case IdentifierType::kFloat32:
      return WriteValues<float>(identifiers, rows, std::numeric_limits<float>::quiet_NaN(), out);
    case IdentifierType::kFloat64:
      return WriteValues<double>(identifiers, rows, std::numeric_limits<double>::quiet_NaN(), out);
    case IdentifierType::kString:
      for (size_t i = 0; i < rows.size(); ++i) {
        const std::string_view value =
            rows[i] < 0 ? std::string_view() : identifiers.Bytes(rows[i]);
        out->flat<tstring>()(i).assign(value.data(), value.size());
      }
      return;
  }
}

absl::Status FindExcludedRows(const Index& index, const Tensor& values, const Tensor* splits,
                              int64_t num_queries, ExcludedRows* excluded) {
  const int64_t num_values = values.NumElements();
  const bool ragged = splits != nullptr && splits->NumElements() > 0;
  if (ragged) {
    if (values.dims() != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("the values of ragged exclusions must have rank 1, but have shape ",
                       values.shape().DebugString()));
    }
    TF_RETURN_IF_ERROR(CheckSplits(*splits, num_queries, num_values));
  } else if (values.dims() != 1 && values.dims() != 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        "exclusions must have rank 1 or 2, but have shape ", values.shape().DebugString()));
  } else if (values.dims() == 2 && values.dim_size(0) != num_queries) {
    return absl::InvalidArgumentError(absl::StrCat("exclusions have ", values.dim_size(0),
                                                   " rows for ", num_queries, " queries"));
  } else if (values.dims() == 1 && num_queries != 1 && num_values != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "exclusions of a batch must have rank 2, but have shape ", values.shape().DebugString()));
  }
  if (num_values == 0) return absl::OkStatus();
  const int64_t width = num_values / num_queries;  // of dense exclusions
  excluded->splits.push_back(0);
  for (int64_t query = 0; query < num_queries; ++query) {
    const int64_t begin = ragged ? splits->flat<int64_t>()(query) : query * width;
    const int64_t end = ragged ? splits->flat<int64_t>()(query + 1) : begin + width;
    for (int64_t i = begin; i < end; ++i) {
      FindRowsOfElement(index, values, i, [&](int32_t row) { excluded->rows.push_back(row); });
    }
    excluded->splits.push_back(static_cast<int64_t>(excluded->rows.size()));
  }
  return absl::OkStatus();
}

}  // namespace tfscann
