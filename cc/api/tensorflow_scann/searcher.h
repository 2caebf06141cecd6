// Searching an index file from C++, with no TensorFlow: the interface that this library keeps
// stable.
//
//   std::unique_ptr<tensorflow_scann::Searcher> searcher;
//   tensorflow_scann::Status status = tensorflow_scann::Searcher::Open("index", &searcher);
//   if (!status.ok()) { std::cerr << status.message() << "\n"; return 1; }
//   std::vector<float> scores(10);
//   std::vector<int32_t> rows(10);
//   status = searcher->Search(query, 1, {}, scores.data(), rows.data());
//   searcher->StringIdentifier(rows[0]);
//
// An index file is what tensorflow_scann.Searcher.save and `tensorflow-scann build` write, and what
// a SavedModel has in its folder `assets`. Standard library only. No exceptions come out of Open
// and Search.
#ifndef TENSORFLOW_SCANN_SEARCHER_H_
#define TENSORFLOW_SCANN_SEARCHER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tensorflow_scann {

// What became of a call.
class [[nodiscard]] [[gnu::visibility("default")]] Status {
 public:
  enum class Code {
    kOk,
    kInvalidArgument,    // the message names the argument, its value and what is allowed
    kNotFound,           // there is no such file
    kDataLoss,           // the file is damaged or no index; the message names the section
    kUnimplemented,      // a later version wrote the file; the message names both versions
    kResourceExhausted,  // no memory for the file, or for a search
    kInternal,
  };

  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

enum class DistanceMeasure { kDotProduct, kCosine, kSquaredL2 };

// kInt32 also stands for an index that was built without identifiers: they are row numbers.
enum class IdentifierType { kInt32, kInt64, kFloat32, kFloat64, kString };

struct SearchOptions {
  // Results a query, at least 1.
  int64_t k = 10;
  // Partitions to search (for the average query: harder ones get more, easier ones fewer; as many
  // as there are: all) and candidates to score again; 0: what the index was built with.
  int64_t num_leaves_to_search = 0;
  int64_t num_reordering_candidates = 0;
  // Rows that a query must not return: none, or a list for each query. See FindRows.
  std::vector<std::vector<int32_t>> excluded_rows;
};

// An index file, mapped and ready. Any number of threads may search it at the same time.
class [[gnu::visibility("default")]] Searcher {
 public:
  // Maps and checks a local file, which must not be changed in place while the searcher lives
  // (replacing it by renaming is fine).
  static Status Open(const std::string& path, std::unique_ptr<Searcher>* searcher);

  ~Searcher();
  Searcher(const Searcher&) = delete;
  Searcher& operator=(const Searcher&) = delete;

  // Finds the best candidates for each query, best first.
  //   queries  [num_queries, dimensions()]
  //   scores   [num_queries, k], written: dot product, cosine, or squared Euclidean distance
  //   rows     [num_queries, k], written: row numbers of candidates
  // Where fewer than k candidates remain, and for a query with a NaN or infinity, the row is -1 and
  // the score -infinity (infinity for a distance). A batch is faster than its queries one by one.
  // It runs on the calling thread: to use several, let each search a part of the batch.
  Status Search(const float* queries, int64_t num_queries, const SearchOptions& options,
                float* scores, int32_t* rows) const;

  int64_t num_candidates() const;
  int64_t dimensions() const;
  DistanceMeasure distance_measure() const;
  IdentifierType identifier_type() const;

  // The identifier of a row in [0, num_candidates()), by the index's type: StringIdentifier for
  // kString (valid while the searcher lives), IntegerIdentifier for kInt32 and kInt64,
  // FloatIdentifier for kFloat32 and kFloat64. For another type or row: "", -1 and NaN.
  std::string_view StringIdentifier(int64_t row) const;
  int64_t IntegerIdentifier(int64_t row) const;
  double FloatIdentifier(int64_t row) const;

  // The rows that have an identifier, in ascending order; none if it is unknown or of another type.
  std::vector<int32_t> FindRows(std::string_view identifier) const;
  std::vector<int32_t> FindRows(int64_t identifier) const;

  // One JSON object: every parameter as chosen when the index was built, bytes by section, the
  // format version, and the CPU's instruction sets in use.
  std::string Describe() const;

 private:
  struct State;
  explicit Searcher(std::unique_ptr<State> state);

  const std::unique_ptr<State> state_;
};

}  // namespace tensorflow_scann

#endif  // TENSORFLOW_SCANN_SEARCHER_H_
