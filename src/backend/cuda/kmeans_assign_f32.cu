#include "backend/cuda/kmeans_assign.cuh"

namespace serried::cuda {

template <>
void assign_batch<float>(CudaDevice& device, const CudaCenters& centers, const AssignBatch& batch) {
  assign_batch_with<float, assign_geometries_f32>(device, centers, batch);
}
template <>
void assign_undecided<float>(CudaDevice& device, const CudaCenters& centers,
                             const AssignBatch& batch) {
  assign_undecided_with<float>(device, centers, batch);
}

}  // namespace serried::cuda
