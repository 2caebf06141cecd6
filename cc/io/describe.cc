#include "cc/io/describe.h"

#include <cmath>
#include <limits>
#include <optional>

#include "cc/io/section_file.h"
#include "cc/kernels/target.h"

namespace tfscann {
namespace {

constexpr const char* kIdentifierTypeNames[] = {"int32",   "int32",   "int64",
                                                "float32", "float64", "string"};

// Names here need no escapes.
std::string Quoted(const std::string& text) { return StrCat('"', text, '"'); }

class JsonObject {
 public:
  template <typename T>
  void Add(const char* name, const T& value) {
    fields_ += StrCat(fields_.empty() ? "" : ", ", Quoted(name), ": ", value);
  }
  void AddDouble(const char* name, double value) {
    std::ostringstream out;
    out.precision(17);
    out << value;
    Add(name, std::isfinite(value) ? out.str() : "null");
  }
  template <typename T>
  void AddIf(bool condition, const char* name, const T& value) {
    if (condition) {
      Add(name, value);
    } else {
      Add(name, "null");
    }
  }
  std::string Text() const { return StrCat('{', fields_, '}'); }

 private:
  std::string fields_;
};

}  // namespace

std::string DescribeIndex(const IndexFile& file) {
  const IndexParameters& parameters = file.index->parameters();
  const IdentifierType type = file.index->identifiers().type();
  const bool tree = !parameters.exact();
  JsonObject json;
  json.Add("num_candidates", parameters.num_candidates);
  json.Add("dimensions", parameters.dimensions);
  json.Add("distance_measure",
           Quoted(kDistanceMeasureNames[static_cast<int>(parameters.distance_measure)]));
  json.Add("identifiers", Quoted(kIdentifierTypeNames[static_cast<int>(type)]));
  json.Add("default_identifiers", type == IdentifierType::kRowNumber ? "true" : "false");
  json.Add("is_exact", tree ? "false" : "true");
  json.AddIf(tree, "num_leaves", parameters.num_leaves);
  json.AddIf(tree, "num_leaves_to_search", parameters.num_leaves_to_search);
  json.AddIf(tree, "training_iterations", parameters.training_iterations);
  json.AddIf(tree, "dimensions_per_block", parameters.dimensions_per_block);
  json.AddIf(tree, "num_reordering_candidates", parameters.num_reordering_candidates);
  const double none = std::numeric_limits<double>::quiet_NaN();
  json.AddDouble("soar_lambda", tree ? parameters.soar_lambda : none);
  json.AddDouble("anisotropic_quantization_threshold",
                 tree ? parameters.anisotropic_quantization_threshold : none);
  json.Add("reordering_dtype",
           Quoted(kReorderingDtypeNames[static_cast<int>(parameters.reordering_dtype)]));
  json.Add("k", parameters.tuned_k);
  json.AddDouble("target_recall", parameters.target_recall);
  json.AddDouble("measured_recall", parameters.measured_recall);
  json.Add("seed", parameters.seed);
  json.Add("format_version", file.format_version);
  json.Add("cpu_kernels", Quoted(TargetName(ActiveTarget())));
  json.Add("file_bytes", file.memory.bytes.size());
  JsonObject sections;
  for (const auto& [name, size] : file.section_bytes) sections.Add(name.c_str(), size);
  json.Add("section_bytes", sections.Text());
  return json.Text();
}

}  // namespace tfscann
