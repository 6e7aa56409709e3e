#include "backend/cuda/kmeans_assign.cuh"

namespace serried::cuda {

template <>
void assign_batch<double>(CudaDevice& device, const CudaCenters& centers,
                          const AssignBatch& batch) {
  assign_batch_with<double, assign_geometries_f64>(device, centers, batch);
}
template <>
void assign_undecided<double>(CudaDevice& device, const CudaCenters& centers,
                              const AssignBatch& batch) {
  assign_undecided_with<double>(device, centers, batch);
}

}  // namespace serried::cuda
