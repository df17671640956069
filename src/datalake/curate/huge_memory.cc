#include "datalake/curate/huge_memory.h"

#include <sys/mman.h>

namespace datalake::curate {

void AdviseHugePages(void* data, std::size_t bytes) {
  (void)::madvise(data, bytes, MADV_HUGEPAGE);
}

}  // namespace datalake::curate
