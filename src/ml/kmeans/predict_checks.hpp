#pragma once

namespace serried::kmeans {

/// Distances between centres have to be told apart; those of the rows show in the inertia.
/// Local.
/// @param largest ModelFrame::largest.
/// @throws DataError
void check_range_of_centers(double largest);

}  // namespace serried::kmeans
