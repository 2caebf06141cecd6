#include "tests/cc/kernels/scores_cases.h"
#include "tests/cc/kernels/targets.h"

namespace tfscann::testing {
namespace {

using ScoresTest = KernelsTest;
TFSCANN_FOR_ALL_TARGETS(ScoresTest);

TEST_P(ScoresTest, BoundIsReachedByTheRankAndItsEquals) {
  CheckBoundOfScores(kernels().bound_of_scores);
}

TEST_P(ScoresTest, KeepsScoresWithTheirPositions) {
  CheckKeepScoresAtLeast(kernels().keep_scores_at_least);
}

TEST_P(ScoresTest, ShiftsEachPlaceByItsGroups) { CheckShiftPlaces(kernels().shift_places); }

}  // namespace
}  // namespace tfscann::testing
