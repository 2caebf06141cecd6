#include "cc/build/demand.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "cc/base/random.h"
#include "cc/build/made_up_users.h"
#include "cc/build/sample.h"
#include "cc/search/packed_matrix.h"

namespace tfscann {
namespace {

constexpr char kStage[] = "measuring demand";

// Of each kind, rows and made-up users.
constexpr int64_t kQueries = 1024;
// What a query wants: what is better than the 20th best of 65,536 rows, or the 10th best of fewer.
constexpr int64_t kSampleRows = 65536;
constexpr int64_t kSampleRank = 20;
constexpr int64_t kMinRank = 10;
constexpr int64_t kSampleValues = int64_t{1} << 26;
constexpr double kFloor = 0.05;
constexpr int64_t kGrain = 1024;
// Ranges after which progress is reported.
constexpr int64_t kReported = 32;

// Queries, scaled so that a row is wanted if its product is above 1.
class WantingQueries {
 public:
  explicit WantingQueries(int64_t dims) : dims_(dims) {}

  void Add(const float* query, float threshold) {
    // One that wants rows for being the least far on the other side says little.
    if (!(threshold > 0)) return;
    for (int64_t dim = 0; dim < dims_; ++dim) values_.push_back(query[dim] / threshold);
  }

  MatrixView<const float> View() const {
    return {values_.data(), static_cast<int64_t>(values_.size()) / dims_, dims_};
  }

 private:
  const int64_t dims_;
  std::vector<float> values_;
};

std::vector<float> MakeQueries(MatrixView<const float> rows, uint64_t seed) {
  const int64_t dims = rows.cols();
  std::vector<float> queries =
      GatherRows(rows, SampleSorted(rows.rows(), kQueries, seed, kDemandStage));
  const size_t users = queries.size();
  queries.resize(users + kQueries * dims);
  for (int64_t i = 0; i < kQueries; ++i) {
    MakeUpUser(rows, Random(seed, kDemandUserStage, i), queries.data() + users + i * dims);
  }
  return queries;
}

// What a row's product with each query must exceed for the row to be wanted.
std::vector<float> Thresholds(MatrixView<const float> rows, MatrixView<const float> queries,
                              const BuildContext& context) {
  const int64_t dims = rows.cols();
  const int64_t sample_rows = std::min(kSampleRows, kSampleValues / dims);
  const std::vector<float> sample =
      GatherRows(rows, SampleSorted(rows.rows(), sample_rows, context.seed, kDemandSampleStage));
  const PackedMatrix packed({sample.data(), static_cast<int64_t>(sample.size()) / dims, dims},
                            /*nearest=*/false);
  const int64_t rank =
      std::min(packed.count(), std::max(kMinRank, kSampleRank * packed.count() / kSampleRows));
  std::vector<float> thresholds(queries.rows());
  context.executor->ParallelFor(queries.rows(), kProductRows, [&](int64_t begin, int64_t end) {
    std::vector<float> products(kProductRows * packed.padded_count());
    packed.Multiply(queries.Rows(begin, end - begin), products.data());
    for (int64_t i = begin; i < end; ++i) {
      float* const own = products.data() + (i - begin) * packed.padded_count();
      // Products that overflow may be NaN, which has no place in an order.
      std::replace_if(
          own, own + packed.count(), [](float product) { return product != product; },
          -std::numeric_limits<float>::infinity());
      std::nth_element(own, own + rank - 1, own + packed.count(), std::greater<float>());
      thresholds[i] = own[rank - 1];
    }
  });
  return thresholds;
}

}  // namespace

Result<std::vector<float>> MeasureDemand(MatrixView<const float> rows,
                                         const BuildContext& context) {
  const int64_t dims = rows.cols();
  const std::vector<float> values = MakeQueries(rows, context.seed);
  const MatrixView<const float> queries(values.data(), static_cast<int64_t>(values.size()) / dims,
                                        dims);
  TFSCANN_RETURN_IF_ERROR(context.Report(kStage, 0, rows.rows()));
  const std::vector<float> thresholds = Thresholds(rows, queries, context);
  TFSCANN_RETURN_IF_ERROR(context.CheckCancelled());
  WantingQueries wanting(dims);
  for (int64_t i = 0; i < queries.rows(); ++i) wanting.Add(queries.row(i), thresholds[i]);

  std::vector<float> weights(rows.rows());
  for (int64_t first = 0; first < rows.rows(); first += kReported * kGrain) {
    TFSCANN_RETURN_IF_ERROR(context.Report(kStage, first, rows.rows()));
    const int64_t count = std::min(kReported * kGrain, rows.rows() - first);
    context.executor->ParallelFor(count, kGrain, [&](int64_t begin, int64_t end) {
      const PackedMatrix columns(rows.Rows(first + begin, end - begin), /*nearest=*/false);
      const std::vector<float> ones(columns.padded_count(), 1.0f);
      std::vector<int32_t> counts(columns.padded_count());
      columns.CountAbove(wanting.View(), ones.data(), counts.data());
      std::copy_n(counts.begin(), end - begin, weights.begin() + first + begin);
    });
  }
  TFSCANN_RETURN_IF_ERROR(context.Report(kStage, rows.rows(), rows.rows()));
  double sum = 0;
  for (const float weight : weights) sum += weight;
  const double mean = sum / static_cast<double>(rows.rows());
  for (float& weight : weights) {
    const double share = mean > 0 ? weight / mean : 1.0;
    weight = static_cast<float>((share + kFloor) / (1 + kFloor));
  }
  return weights;
}

}  // namespace tfscann
