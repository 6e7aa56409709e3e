#pragma once

/// @file
/// All that a program of one's own usually needs: arrays and their files, expressions, reductions,
/// sorts, statistics and estimators. Each header can be included by itself as well.
#include "serried/array/array.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/array/histogram.hpp"
#include "serried/array/indexing.hpp"
#include "serried/array/manipulation.hpp"
#include "serried/array/map_rows.hpp"
#include "serried/array/reduce_rows.hpp"
#include "serried/array/scan.hpp"
#include "serried/array/search.hpp"
#include "serried/array/sort.hpp"
#include "serried/array/statistics.hpp"
#include "serried/comm/runtime.hpp"
#include "serried/context.hpp"
#include "serried/expr/flatten_rows.hpp"
#include "serried/expr/functions.hpp"
#include "serried/expr/parse.hpp"
#include "serried/expr/quantiles.hpp"
#include "serried/expr/reductions.hpp"
#include "serried/io/dataset.hpp"
#include "serried/io/file_writer.hpp"
#include "serried/ml/coefficient.hpp"
#include "serried/ml/glm.hpp"
#include "serried/ml/kmeans.hpp"
#include "serried/ml/linear.hpp"
