#include "cc/build/builder.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "cc/build/code_scales.h"
#include "cc/build/codebook_trainer.h"
#include "cc/build/demand.h"
#include "cc/build/kmeans.h"
#include "cc/build/leaf_order.h"
#include "cc/build/lengths.h"
#include "cc/build/query_directions.h"
#include "cc/build/routing.h"
#include "cc/build/sample.h"
#include "cc/build/soar.h"
#include "cc/build/tuner.h"
#include "cc/io/index_file.h"
#include "cc/search/int8_rows.h"
#include "cc/search/query.h"

namespace tfscann {
namespace {

// Sampled rows for each leaf's centroid, and for the codebooks.
constexpr int64_t kSampleRowsPerLeaf = 64;
constexpr int64_t kCodebookSampleRows = 32768;
// Leaves: this many times the square root of the number of candidates.
constexpr double kLeavesPerSqrt = 4.0;
// With fewer, all leaves are ranked in no time.
constexpr int64_t kMinBranches = 16;
constexpr int64_t kInt8Grain = 4096;

// Moves of the centroids by the loss that the leaves are to have, on the sample; one on all rows
// follows. On the GloVe set the neighbours of 95 % then stand in 10 % fewer candidates.
constexpr int64_t kSampleMoves = 2;

// The extra weight of that loss; none if the codes do not weigh errors either. The parameter that
// says so is not for squared_l2.
double PartitionWeight(const BuildConfig& config) {
  constexpr double kExtraWeight = 0.3;
  const bool weighs = config.distance_measure == DistanceMeasure::kSquaredL2 ||
                      config.anisotropic_quantization_threshold > 0;
  return weighs ? kExtraWeight : 0;
}

MatrixView<const float> View(const std::vector<float>& values, int64_t dims) {
  return {values.data(), static_cast<int64_t>(values.size()) / dims, dims};
}

}  // namespace

Result<std::unique_ptr<Builder>> Builder::Create(const std::string& path, int64_t dimensions,
                                                 const BuildConfig& config) {
  TFSCANN_RETURN_IF_ERROR(Validate(config));
  if (dimensions < 1 || dimensions > kMaxDimensions) {
    return InvalidArgument("candidates have ", dimensions, " dimensions, but must have 1 to ",
                           kMaxDimensions);
  }
  TFSCANN_ASSIGN_OR_RETURN(std::unique_ptr<SectionWriter> file, SectionWriter::Create(path));
  std::unique_ptr<SectionWriter> row_spool;
  if (config.reordering_dtype == ReorderingDtype::kInt8) {
    TFSCANN_ASSIGN_OR_RETURN(row_spool, SectionWriter::Create(path + ".rows"));
  }
  std::unique_ptr<Builder> builder(
      new Builder(std::move(file), std::move(row_spool), dimensions, config));
  builder->RowFile().BeginSection(section::kRows);
  return builder;
}

Status Builder::Add(MatrixView<const float> rows) {
  if (rows.cols() != dimensions_) {
    return InvalidArgument("candidates have ", rows.cols(), " dimensions, but those before had ",
                           dimensions_);
  }
  if (num_rows_ + rows.rows() >= kMaxCandidates) {
    return InvalidArgument("there are more than ", kMaxCandidates - 1, " candidates");
  }
  std::vector<float> copy(dimensions_);
  for (int64_t i = 0; i < rows.rows(); ++i) {
    if (!ActiveKernels().all_finite(rows.row(i), dimensions_)) {
      return InvalidArgument("candidates: row ", num_rows_ + i, " has a NaN or infinite value");
    }
    std::copy_n(rows.row(i), dimensions_, copy.data());
    if (config_.distance_measure == DistanceMeasure::kCosine) {
      Normalize(copy.data(), dimensions_);
    }
    for (int64_t dim = 0; dim < dimensions_; ++dim) {
      sum_[dim] += copy[dim];
      squared_norms_ += static_cast<double>(copy[dim]) * copy[dim];
    }
    TFSCANN_RETURN_IF_ERROR(RowFile().Append(copy.data(), copy.size() * sizeof(float)));
  }
  num_rows_ += rows.rows();
  return Status();
}

Status Builder::AddIdentifiers(IdentifierType type, const std::vector<std::string_view>& values) {
  if (identifiers_.type() == IdentifierType::kRowNumber) identifiers_ = IdentifierColumn(type);
  if (identifiers_.type() != type) {
    return InvalidArgument("identifiers have another dtype than those before");
  }
  for (const std::string_view value : values) identifiers_.Append(value);
  return Status();
}

Status Builder::SetTuningQueries(MatrixView<const float> queries) {
  if (queries.cols() != dimensions_) {
    return InvalidArgument("tuning_queries have ", queries.cols(),
                           " dimensions, but candidates have ", dimensions_);
  }
  for (int64_t i = 0; i < queries.rows(); ++i) {
    if (!ActiveKernels().all_finite(queries.row(i), dimensions_)) {
      return InvalidArgument("tuning_queries: row ", i, " has a NaN or infinite value");
    }
  }
  tuning_queries_.assign(queries.data(), queries.data() + queries.rows() * dimensions_);
  return Status();
}

Result<Builder::Report> Builder::Finish(Executor* executor, Progress progress) {
  if (num_rows_ == 0) return InvalidArgument("candidates: there are none");
  const bool named = identifiers_.type() != IdentifierType::kRowNumber;
  if (named && identifiers_.size() != num_rows_) {
    return InvalidArgument("there are ", identifiers_.size(), " identifiers for ", num_rows_,
                           " candidates");
  }
  const BuildContext context = {executor, std::move(progress), config_.seed};
  Report report;
  TFSCANN_RETURN_IF_ERROR(EndRows());
  ChooseParameters();
  TFSCANN_RETURN_IF_ERROR(KeepRows());
  TFSCANN_RETURN_IF_ERROR(AddIdentifierSections(&report.duplicate_identifiers));
  if (!parts_.parameters.exact()) {
    TFSCANN_RETURN_IF_ERROR(TrainLeaves(context));
    TFSCANN_RETURN_IF_ERROR(AssignLeaves(context));
    TFSCANN_RETURN_IF_ERROR(ScaleCodes(context));
    TFSCANN_RETURN_IF_ERROR(TrainEncoder(context));
    TFSCANN_RETURN_IF_ERROR(Encode(context));
    TFSCANN_RETURN_IF_ERROR(EncodeInt8Rows(context));
    TFSCANN_RETURN_IF_ERROR(LearnRouting(context));
    TFSCANN_RETURN_IF_ERROR(TuneSearch(context));
  }
  TFSCANN_ASSIGN_OR_RETURN(const Span<char> bytes,
                           AddSection<char>(section::kParameters, kParametersBytes));
  EncodeParameters(parts_.parameters, identifiers_.type(), bytes.data());
  TFSCANN_RETURN_IF_ERROR(context.Report("writing", 0, 1));
  TFSCANN_RETURN_IF_ERROR(file_->Finish());
  if (context.progress) context.progress("writing", 1, 1);
  report.parameters = parts_.parameters;
  return report;
}

template <typename T>
Result<Span<T>> Builder::AddSection(const char* name, int64_t count) {
  TFSCANN_ASSIGN_OR_RETURN(const Span<char> bytes, file_->AddSection(name, count * sizeof(T)));
  return Span<T>(reinterpret_cast<T*>(bytes.data()), count);
}

template <typename T>
Result<Span<T>> Builder::AddSection(const char* name, const std::vector<T>& values) {
  TFSCANN_ASSIGN_OR_RETURN(const Span<T> section,
                           AddSection<T>(name, static_cast<int64_t>(values.size())));
  std::copy(values.begin(), values.end(), section.begin());
  return section;
}

Status Builder::EndRows() {
  const float padding[kFloatOverread] = {};
  TFSCANN_RETURN_IF_ERROR(RowFile().Append(padding, sizeof(padding)));
  TFSCANN_ASSIGN_OR_RETURN(const Span<char> bytes, RowFile().EndSection());
  rows_ = {reinterpret_cast<const float*>(bytes.data()), num_rows_, dimensions_};
  return Status();
}

void Builder::ChooseParameters() {
  IndexParameters& parameters = parts_.parameters;
  parameters.distance_measure = config_.distance_measure;
  parameters.reordering_dtype = config_.reordering_dtype;
  parameters.num_candidates = num_rows_;
  parameters.dimensions = dimensions_;
  parameters.seed = config_.seed;
  parameters.tuned_k = config_.k;
  parameters.target_recall = config_.target_recall;
  parameters.measured_recall = 1;
  if (!config_.num_leaves.has_value() && num_rows_ < kMinTreeCandidates) return;

  parameters.num_leaves = std::min(
      num_rows_, config_.num_leaves.value_or(
                     std::llround(kLeavesPerSqrt * std::sqrt(static_cast<double>(num_rows_)))));
  parameters.branches = parameters.num_leaves >= kMinBranches * kInt8PackedRows;
  parameters.training_iterations = config_.training_iterations;
  // Wider blocks where the dimensions are so many that narrower ones would be too many.
  parameters.dimensions_per_block = std::max(std::min(config_.dimensions_per_block, dimensions_),
                                             CeilDiv(dimensions_, kMaxBlocks - kNormBlocks));
  parameters.soar_lambda = config_.soar_lambda.value_or(kDefaultSoarLambda);
  parameters.soar = parameters.soar_lambda > 0 && parameters.num_leaves > 1;
  if (!parameters.soar) parameters.soar_lambda = 0;
  parameters.anisotropic_quantization_threshold = config_.anisotropic_quantization_threshold;
}

Status Builder::KeepRows() {
  // An exact index is made of its rows, whatever was asked for reordering.
  if (parts_.parameters.exact() && row_spool_ != nullptr) {
    const size_t size = static_cast<size_t>(num_rows_ * dimensions_) + kFloatOverread;
    TFSCANN_ASSIGN_OR_RETURN(const Span<float> kept,
                             AddSection<float>(section::kRows, static_cast<int64_t>(size)));
    std::copy_n(rows_.data(), size, kept.data());
    parts_.parameters.reordering_dtype = ReorderingDtype::kFloat32;
  }
  return Status();
}

Status Builder::AddIdentifierSections(int64_t* duplicates) {
  if (identifiers_.type() == IdentifierType::kRowNumber) return Status();
  TFSCANN_ASSIGN_OR_RETURN(
      const Span<char> values,
      AddSection<char>(section::kIdentifiers, static_cast<int64_t>(identifiers_.values().size())));
  std::copy(identifiers_.values().begin(), identifiers_.values().end(), values.begin());
  if (identifiers_.type() == IdentifierType::kString) {
    TFSCANN_ASSIGN_OR_RETURN(const Span<uint64_t> offsets,
                             AddSection<uint64_t>(section::kIdentifierOffsets, num_rows_ + 1));
    std::copy(identifiers_.offsets().begin(), identifiers_.offsets().end(), offsets.begin());
  }
  TFSCANN_ASSIGN_OR_RETURN(
      const Span<int32_t> slots,
      AddSection<int32_t>(section::kIdentifierSlots, NumIdentifierSlots(num_rows_)));
  *duplicates = identifiers_.FillSlots(slots);
  return Status();
}

// Lengths make no difference to cosine, and for squared_l2 no candidate is wanted more for being
// long.
bool Builder::LearnsRouting() const {
  return config_.distance_measure == DistanceMeasure::kDotProduct &&
         parts_.parameters.num_leaves >= kMinRoutedLeaves && LengthsDiffer(SampleLengths(rows_));
}

Status Builder::TrainLeaves(const BuildContext& context) {
  const int64_t num_leaves = parts_.parameters.num_leaves;
  center_.assign(dimensions_, 0.0f);
  if (config_.distance_measure == DistanceMeasure::kSquaredL2) {
    for (int64_t dim = 0; dim < dimensions_; ++dim) {
      center_[dim] = static_cast<float>(sum_[dim] / static_cast<double>(num_rows_));
    }
    TFSCANN_ASSIGN_OR_RETURN(parts_.center, AddSection(section::kCenter, center_));
  }

  const int64_t sample_rows = kSampleRowsPerLeaf * num_leaves;
  std::vector<int64_t> sampled;
  std::vector<float> sample;
  MatrixView<const float> training_rows = rows_;
  if (sample_rows < num_rows_) {
    sampled = SampleSorted(num_rows_, sample_rows, config_.seed, kSampleStage);
    sample = GatherRows(rows_, sampled);
    training_rows = View(sample, dimensions_);
  }
  TFSCANN_ASSIGN_OR_RETURN(centroids_,
                           KMeans(training_rows, num_leaves, config_.training_iterations, context));
  const MatrixView<float> centroids(centroids_.data(), num_leaves, dimensions_);
  partition_loss_ = {PartitionWeight(config_), center_};
  std::vector<float> sample_weights;
  if (LearnsRouting()) {
    TFSCANN_ASSIGN_OR_RETURN(demand_, MeasureDemand(rows_, context));
    for (const int64_t row : sampled) sample_weights.push_back(demand_[row]);
    if (sampled.empty()) sample_weights = demand_;
  }
  for (int64_t i = 0; i < kSampleMoves; ++i) {
    TFSCANN_RETURN_IF_ERROR(
        MoveCentroids(training_rows, partition_loss_, sample_weights, context, centroids));
  }
  if (training_rows.rows() < num_rows_) {
    TFSCANN_RETURN_IF_ERROR(MoveCentroids(rows_, partition_loss_, demand_, context, centroids));
  }
  if (parts_.parameters.branches) {
    const std::vector<int32_t> order = OrderByNearness(centroids, kInt8PackedRows);
    centroids_ = GatherRows(View(centroids_, dimensions_), {order.begin(), order.end()});
  }

  // From here on a centroid is what its int8 form says.
  const int64_t stride = Int8RowBytes(dimensions_);
  TFSCANN_ASSIGN_OR_RETURN(
      const Span<int8_t> bytes,
      AddSection<int8_t>(section::kCentroids, num_leaves * stride + kInt8Overread));
  parts_.centroids = bytes;
  const Int8Rows int8_centroids(bytes.data(), dimensions_);
  for (int64_t leaf = 0; leaf < num_leaves; ++leaf) {
    float* centroid = centroids_.data() + leaf * dimensions_;
    for (int64_t dim = 0; dim < dimensions_; ++dim) centroid[dim] -= center_[dim];
    Int8Rows::Encode(centroid, dimensions_, bytes.data() + leaf * stride);
    int8_centroids.Dequantize(leaf, centroid);
    for (int64_t dim = 0; dim < dimensions_; ++dim) centroid[dim] += center_[dim];
  }
  return Status();
}

Status Builder::AssignLeaves(const BuildContext& context) {
  const IndexParameters& parameters = parts_.parameters;
  const MatrixView<const float> centroids = View(centroids_, dimensions_);
  TFSCANN_RETURN_IF_ERROR(AssignToCentroids(rows_, centroids, partition_loss_, "assigning leaves",
                                            context, &first_leaf_));
  std::vector<int32_t> second_leaf;
  std::vector<const std::vector<int32_t>*> assignments = {&first_leaf_};
  if (parameters.soar) {
    TFSCANN_RETURN_IF_ERROR(
        AssignSoar(rows_, centroids, first_leaf_, parameters.soar_lambda, context, &second_leaf));
    assignments.push_back(&second_leaf);
  }
  const int64_t positions =
      static_cast<int64_t>(assignments.size()) * num_rows_ + parameters.num_leaves * kLut16Group;
  if (positions >= int64_t{1} << 32) {
    return InvalidArgument("soar_lambda is ", parameters.soar_lambda, ", but ", num_rows_,
                           " candidates are too many to have a second copy each");
  }
  leaves_ = ArrangeLeaves(assignments, parameters.num_leaves);
  TFSCANN_ASSIGN_OR_RETURN(parts_.leaf_first_groups,
                           AddSection(section::kLeafFirstGroups, leaves_.first_groups));
  TFSCANN_ASSIGN_OR_RETURN(parts_.leaf_sizes, AddSection(section::kLeafSizes, leaves_.sizes));
  TFSCANN_ASSIGN_OR_RETURN(parts_.position_rows,
                           AddSection(section::kPositionRows, leaves_.position_rows));
  return Status();
}

Status Builder::ScaleCodes(const BuildContext& context) {
  IndexParameters& parameters = parts_.parameters;
  const ResidualLengths lengths(rows_, View(centroids_, dimensions_), leaves_, context.executor);
  parameters.longest_residual = LongestResidual(lengths);
  TFSCANN_ASSIGN_OR_RETURN(parts_.leaf_radii, AddSection(section::kLeafRadii, lengths.of_leaves));
  TFSCANN_ASSIGN_OR_RETURN(
      parts_.code_scales,
      AddSection(section::kCodeScales, CodeScales(parameters.distance_measure, lengths,
                                                  parameters.longest_residual, leaves_)));
  return context.CheckCancelled();
}

Status Builder::TrainEncoder(const BuildContext& context) {
  const IndexParameters& parameters = parts_.parameters;
  encoder_.distance_measure = parameters.distance_measure;
  encoder_.dims_per_block = parameters.dimensions_per_block;
  encoder_.threshold = parameters.anisotropic_quantization_threshold;
  encoder_.mean_squared_norm = squared_norms_ / static_cast<double>(num_rows_);
  encoder_.centroids = View(centroids_, dimensions_);
  encoder_.center = center_;
  encoder_.code_scales = parts_.code_scales;
  // None where all errors are to count alike.
  if (parameters.distance_measure != DistanceMeasure::kSquaredL2 && encoder_.threshold > 0) {
    encoder_.query_directions = FindQueryDirections(rows_, config_.seed);
  }

  const std::vector<int64_t> which =
      demand_.empty()
          ? SampleSorted(num_rows_, kCodebookSampleRows, config_.seed, kCodebookSampleStage)
          : SampleByWeight(demand_, std::min(kCodebookSampleRows, num_rows_), config_.seed,
                           kCodebookSampleStage);
  std::vector<float> residuals(which.size() * dimensions_);
  for (size_t i = 0; i < which.size(); ++i) {
    const int32_t leaf = first_leaf_[which[i]];
    encoder_.ScaledResidual(rows_.row(which[i]), leaf, leaves_.PositionOf(leaf, which[i]),
                            residuals.data() + i * dimensions_);
  }
  TFSCANN_ASSIGN_OR_RETURN(encoder_.codebooks, TrainCodebooks(View(residuals, dimensions_),
                                                              encoder_.dims_per_block, context));
  TFSCANN_ASSIGN_OR_RETURN(parts_.codebooks, AddSection(section::kCodebooks, encoder_.codebooks));
  if (parameters.distance_measure == DistanceMeasure::kSquaredL2) {
    TFSCANN_ASSIGN_OR_RETURN(const Span<float> terms,
                             AddSection<float>(section::kLeafNormTerms, leaves_.size()));
    encoder_.FillLeafNormTerms(rows_, leaves_, context.executor, terms.data());
    parts_.leaf_norm_terms = encoder_.leaf_norm_terms = terms;
    encoder_.ChooseNormCodebooks(rows_, leaves_, kCodebookSampleRows);
    TFSCANN_ASSIGN_OR_RETURN(parts_.norm_codebooks,
                             AddSection(section::kNormCodebooks, encoder_.norm_codebooks));
  }
  return Status();
}

Status Builder::Encode(const BuildContext& context) {
  TFSCANN_ASSIGN_OR_RETURN(
      const Span<uint8_t> codes,
      AddSection<uint8_t>(section::kCodes,
                          leaves_.num_groups() * encoder_.num_pairs() * kLut16PairBytes));
  parts_.codes = codes;
  return encoder_.EncodeLeaves(rows_, leaves_, context, codes.data());
}

Status Builder::EncodeInt8Rows(const BuildContext& context) {
  // An index without float32 rows is chosen for being small.
  const int64_t stride = config_.reordering_dtype == ReorderingDtype::kFloat32
                             ? GatheredInt8RowStride(dimensions_)
                             : Int8RowBytes(dimensions_);
  parts_.parameters.int8_row_stride = stride;
  TFSCANN_ASSIGN_OR_RETURN(
      const Span<int8_t> bytes,
      AddSection<int8_t>(section::kInt8Rows, num_rows_ * stride + kInt8Overread));
  parts_.int8_rows = bytes;
  context.executor->ParallelFor(num_rows_, kInt8Grain, [&](int64_t begin, int64_t end) {
    std::vector<float> relative(dimensions_);
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t dim = 0; dim < dimensions_; ++dim) {
        relative[dim] = rows_.row(row)[dim] - center_[dim];
      }
      Int8Rows::Encode(relative.data(), dimensions_, bytes.data() + row * stride);
    }
  });
  // Rows that the index will not keep must not help its searches.
  if (config_.reordering_dtype == ReorderingDtype::kFloat32) {
    parts_.rows = {rows_.data(), static_cast<size_t>(num_rows_ * dimensions_) + kFloatOverread};
  }
  return context.CheckCancelled();
}

Status Builder::LearnRouting(const BuildContext& context) {
  const int64_t num_leaves = parts_.parameters.num_leaves;
  if (demand_.empty()) return Status();
  // What recall is measured with is not learned from.
  std::vector<float> queries;
  const MatrixView<const float> given = View(tuning_queries_, dimensions_);
  if (given.rows() > kMaxTuningQueries) {
    const std::vector<int64_t> measured =
        SampleSorted(given.rows(), kMaxTuningQueries, config_.seed, kTuningSampleStage);
    std::vector<int64_t> others(given.rows()), learned_from;
    std::iota(others.begin(), others.end(), int64_t{0});
    std::set_difference(others.begin(), others.end(), measured.begin(), measured.end(),
                        std::back_inserter(learned_from));
    queries = GatherRows(given, learned_from);
    tuning_queries_ = GatherRows(given, measured);
  }
  TFSCANN_ASSIGN_OR_RETURN(const Routing routing,
                           tfscann::LearnRouting(Index(parts_, nullptr), rows_,
                                                 View(queries, dimensions_), config_.k, context));
  if (routing.offsets.empty()) return Status();
  const int64_t stride = Int8RowBytes(dimensions_);
  TFSCANN_ASSIGN_OR_RETURN(
      const Span<int8_t> bytes,
      AddSection<int8_t>(section::kRoutingVectors, num_leaves * stride + kInt8Overread));
  for (int64_t leaf = 0; leaf < num_leaves; ++leaf) {
    Int8Rows::Encode(routing.vectors.data() + leaf * dimensions_, dimensions_,
                     bytes.data() + leaf * stride);
  }
  parts_.routing_vectors = bytes;
  TFSCANN_ASSIGN_OR_RETURN(parts_.routing_offsets,
                           AddSection(section::kRoutingOffsets, routing.offsets));
  parts_.parameters.learned_routing = true;
  return Status();
}

Status Builder::TuneSearch(const BuildContext& context) {
  IndexParameters& parameters = parts_.parameters;
  const Index index(parts_, nullptr);
  TFSCANN_ASSIGN_OR_RETURN(
      const Tuning tuning,
      Tune(index, rows_, View(tuning_queries_, dimensions_), config_, context));
  parameters.num_leaves_to_search = std::min(tuning.num_leaves_to_search, parameters.num_leaves);
  parameters.num_reordering_candidates = tuning.num_reordering_candidates;
  parameters.measured_recall = tuning.measured_recall;
  parameters.leaf_demand = tuning.leaf_demand;
  return Status();
}

}  // namespace tfscann
