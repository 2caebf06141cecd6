#include "cc/tf/searcher_resource.h"

#include "absl/strings/str_cat.h"

namespace tfscann {

std::shared_ptr<SearcherResource::Snapshot> SearcherResource::snapshot() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return snapshot_;
}

absl::Status SearcherResource::GetSnapshot(std::shared_ptr<Snapshot>* out) const {
  *out = snapshot();
  if (*out != nullptr) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "the searcher has no index yet: build or load one before searching");
}

void SearcherResource::Replace(IndexFile file) {
  auto replacement = std::make_shared<Snapshot>();
  replacement->file = std::move(file);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    snapshot_.swap(replacement);
  }
  // The old index goes away here, outside the lock, or with the last search in it.
}

std::string SearcherResource::DebugString() const {
  const std::shared_ptr<Snapshot> current = snapshot();
  if (current == nullptr) return "ScannSearcher without an index";
  const IndexParameters& parameters = current->file.index->parameters();
  return absl::StrCat("ScannSearcher of ", parameters.num_candidates, " candidates with ",
                      parameters.dimensions, " dimensions");
}

int64_t SearcherResource::MemoryUsed() const {
  const std::shared_ptr<Snapshot> current = snapshot();
  return current == nullptr ? 0 : static_cast<int64_t>(current->file.memory.bytes.size());
}

absl::Status SnapshotOfInput(tensorflow::OpKernelContext* context,
                             std::shared_ptr<SearcherResource::Snapshot>* snapshot) {
  tensorflow::core::RefCountPtr<SearcherResource> resource;
  TF_RETURN_IF_ERROR(
      tensorflow::LookupResource(context, tensorflow::HandleFromInput(context, 0), &resource));
  return resource->GetSnapshot(snapshot);
}

}  // namespace tfscann
