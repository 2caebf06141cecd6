// Builds an index file: rows come in batches and are spooled to the file as they come; Finish
// trains on a sample of them and encodes all. Memory stays near the size of the sample.
#ifndef TFSCANN_BUILD_BUILDER_H_
#define TFSCANN_BUILD_BUILDER_H_

#include <memory>
#include <string>
#include <vector>

#include "cc/base/matrix_view.h"
#include "cc/base/status.h"
#include "cc/build/config.h"
#include "cc/build/encoder.h"
#include "cc/build/identifier_column.h"
#include "cc/build/leaves.h"
#include "cc/build/partition_loss.h"
#include "cc/io/section_file.h"
#include "cc/search/index_parts.h"

namespace tfscann {

class Builder {
 public:
  // InvalidArgument for a bad configuration or dimensions. The file appears at `path` when Finish
  // has succeeded; until then, and if the builder is destroyed before, `path` stays as it is.
  static Result<std::unique_ptr<Builder>> Create(const std::string& path, int64_t dimensions,
                                                 const BuildConfig& config);

  // Adds candidates. InvalidArgument, naming the row, for a NaN or infinity.
  Status Add(MatrixView<const float> rows);

  // Identifiers of the rows, in their order; may come before or after them. Either none are given
  // or one for each row.
  Status AddIdentifiers(IdentifierType type, const std::vector<std::string_view>& values);

  // Queries that the search parameters are measured with, in place of candidates. InvalidArgument,
  // naming the row, for a NaN or infinity.
  Status SetTuningQueries(MatrixView<const float> queries);

  struct Report {
    IndexParameters parameters;
    int64_t duplicate_identifiers = 0;
  };
  // Cancelled if the executor was. The builder is used up.
  Result<Report> Finish(Executor* executor, Progress progress);

  int64_t num_candidates() const { return num_rows_; }

 private:
  Builder(std::unique_ptr<SectionWriter> file, std::unique_ptr<SectionWriter> row_spool,
          int64_t dimensions, const BuildConfig& config)
      : file_(std::move(file)),
        row_spool_(std::move(row_spool)),
        dimensions_(dimensions),
        config_(config),
        sum_(dimensions) {}

  SectionWriter& RowFile() { return row_spool_ != nullptr ? *row_spool_ : *file_; }

  // The steps of Finish.
  Status EndRows();
  void ChooseParameters();
  Status KeepRows();
  Status AddIdentifierSections(int64_t* duplicates);
  Status TrainLeaves(const BuildContext& context);
  Status AssignLeaves(const BuildContext& context);
  Status ScaleCodes(const BuildContext& context);
  Status TrainEncoder(const BuildContext& context);
  Status Encode(const BuildContext& context);
  Status EncodeInt8Rows(const BuildContext& context);
  // Whether some candidates are wanted more than others, and leaves are made and ranked by that.
  bool LearnsRouting() const;
  Status LearnRouting(const BuildContext& context);
  Status TuneSearch(const BuildContext& context);

  // Adds a section of values.
  template <typename T>
  Result<Span<T>> AddSection(const char* name, int64_t count);
  template <typename T>
  Result<Span<T>> AddSection(const char* name, const std::vector<T>& values);

  const std::unique_ptr<SectionWriter> file_;
  const std::unique_ptr<SectionWriter> row_spool_;  // where rows go that the index does not keep
  const int64_t dimensions_;
  const BuildConfig config_;
  IdentifierColumn identifiers_;
  std::vector<float> tuning_queries_;
  int64_t num_rows_ = 0;
  std::vector<double> sum_;  // of the rows
  double squared_norms_ = 0;

  // What the steps pass on.
  MatrixView<const float> rows_;
  IndexParts parts_;
  std::vector<float> center_;     // squared_l2: the mean; else zeros
  PartitionLoss partition_loss_;  // of the leaves
  std::vector<float> demand_;     // of the rows, if some are wanted more than others
  std::vector<float> centroids_;  // as searches see them: from int8, and not relative to center_
  std::vector<int32_t> first_leaf_;
  Leaves leaves_;
  Encoder encoder_;
};

}  // namespace tfscann

#endif  // TFSCANN_BUILD_BUILDER_H_
