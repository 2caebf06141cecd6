// The searcher resource: what a ScannSearcher handle stands for.
//
// It holds one index, or none before ScannLoad or ScannRestore. A search takes a snapshot and keeps
// it until it ends, so loading another index, or freeing the resource, disturbs no search.
#ifndef TFSCANN_TF_SEARCHER_RESOURCE_H_
#define TFSCANN_TF_SEARCHER_RESOURCE_H_

#include <memory>
#include <mutex>
#include <string>

#include "cc/io/index_file.h"
#include "cc/search/scratch.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/resource_mgr.h"

namespace tfscann {

class SearcherResource : public tensorflow::ResourceBase {
 public:
  // An index and the scratches of the searches in it.
  struct Snapshot {
    IndexFile file;
    ScratchPool scratches;
  };

  // FailedPrecondition if there is no index yet.
  absl::Status GetSnapshot(std::shared_ptr<Snapshot>* snapshot) const;

  // Null if there is no index yet.
  std::shared_ptr<Snapshot> snapshot() const;

  void Replace(IndexFile file);

  std::string DebugString() const override;
  int64_t MemoryUsed() const override;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<Snapshot> snapshot_;  // guarded by mutex_
};

// The snapshot of the resource that is input 0 of the kernel.
absl::Status SnapshotOfInput(tensorflow::OpKernelContext* context,
                             std::shared_ptr<SearcherResource::Snapshot>* snapshot);

}  // namespace tfscann

#endif  // TFSCANN_TF_SEARCHER_RESOURCE_H_
