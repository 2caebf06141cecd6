// The float kernels, written once with the compiler's vector types. Each float_<target>.cc includes
// this file inside a region compiled for its instruction set, with TFSCANN_TARGET_NAMESPACE set.
// Nothing here may call a function defined outside that region (an inline function compiled for
// AVX-512 could be the copy that the linker keeps for everybody), hence no standard library.
//
// No include guard: one inclusion per target, each in its own file.

#include "cc/kernels/float_vector_inl.h"
// What is above comes first.
#include "cc/kernels/float_codes_inl.h"
#include "cc/kernels/float_rows_inl.h"
#include "cc/kernels/float_select_inl.h"

namespace tfscann {
namespace TFSCANN_TARGET_NAMESPACE {

static void AddFloatKernels(Kernels* kernels) {
  kernels->dot_rows = ScoreRows<Dot>;
  kernels->squared_l2_rows = ScoreRows<SquaredL2>;
  kernels->dot_gathered = ScoreGathered<Dot>;
  kernels->squared_l2_gathered = ScoreGathered<SquaredL2>;
  kernels->multiply_packed = MultiplyPacked;
  kernels->count_above_packed = CountAbovePacked;
  kernels->argmax = Argmax;
  kernels->group_maxima = GroupMaxima;
  kernels->largest_and_deviation = LargestAndDeviation;
  kernels->indices_at_least = IndicesAtLeast;
  kernels->bound_of_largest = BoundOfLargest;
  kernels->all_finite = AllFinite;
  kernels->block_products = BlockProducts;
  kernels->block_ranges = BlockRanges;
  kernels->quantize_int8 = QuantizeInt8;
  kernels->quantize_table = QuantizeTable;
  kernels->rank_by_product = RankByProduct;
  kernels->rank_by_distance = RankByDistance;
  kernels->encode_row = EncodeRow;
}

#undef TFSCANN_INLINE
#undef TFSCANN_UNROLL

}  // namespace TFSCANN_TARGET_NAMESPACE
}  // namespace tfscann
