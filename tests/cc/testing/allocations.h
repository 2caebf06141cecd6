// Every operator new of a test program that links this is counted, and can be made to fail. Link
// such a test statically: these operators must come before a sanitizer's.
#ifndef TFSCANN_TESTS_TESTING_ALLOCATIONS_H_
#define TFSCANN_TESTS_TESTING_ALLOCATIONS_H_

#include <cstdint>

namespace tfscann::testing {

// Calls of operator new so far.
int64_t Allocations();

// Call number `next` of operator new from now on, from 0, finds no memory, and neither do the
// `count` - 1 after it.
void FailAllocations(int64_t next, int64_t count);

// True if the first of those calls was made. None fails from now on.
bool StopFailingAllocations();

}  // namespace tfscann::testing

#endif  // TFSCANN_TESTS_TESTING_ALLOCATIONS_H_
