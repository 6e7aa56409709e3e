#pragma once

/// What others may link to. Every public header opens its namespace as `namespace SERRIED_API
/// serried {`: the functions, types and exceptions declared there are visible outside of the
/// library, and all else is hidden. Exceptions keep one identity across the library, the programs
/// and the CUDA module.
#if defined(__GNUC__)
#define SERRIED_API [[gnu::visibility("default")]]
/// The same for a friend function, where no attribute of that form may stand.
#define SERRIED_API_FRIEND __attribute__((visibility("default")))
#else
#define SERRIED_API
#define SERRIED_API_FRIEND
#endif
