#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace datalake::curate {

/// Counts of ranges: `edges` has one more than `counts`, and the last range includes its end.
struct Histogram {
  std::vector<std::uint64_t> counts;
  std::vector<double> edges;
};

/// Ranges of equal width over `values` (ascending, more than one), each with its weight, as NumPy's
/// `histogram` cuts them.
Histogram EqualWidthHistogram(std::span<const double> values,
                              std::span<const std::uint64_t> weights, std::size_t bins);

/// Ranges of about equal weight, at most about `bins`: the algorithm of the Dolma toolkit's
/// `equal_count_hist` (core/binning.py), choice by choice, as people compare its tables.
Histogram EqualCountHistogram(std::span<const double> values,
                              std::span<const std::uint64_t> weights, std::size_t bins);

/// Counts values in bins of 10^-5 of their power of two, as the toolkit's FixedBucketsValTracker:
/// exact to about five digits whatever the range, and the same in whatever order values come.
/// Memory: 16 to 40 bytes a bin, at most 50,000 bins for each power of two. Thread-compatible.
class ValueBins {
 public:
  void Add(double value, std::uint64_t count = 1);
  void Add(const ValueBins& other);

  std::size_t size() const { return counts_.size(); }

  /// All bins when there are no more than `bins`, their lower edges and the last one's upper edge;
  /// else ranges of equal width. Must not be empty.
  Histogram Summarize(std::size_t bins) const;

  /// Likewise, with ranges of about equal count.
  Histogram SummarizeEqually(std::size_t bins) const;

 private:
  struct Sorted {
    std::vector<double> values;
    std::vector<std::uint64_t> counts;
  };

  Sorted Sort() const;
  Histogram AllBins(Sorted sorted) const;

  std::unordered_map<std::int64_t, std::uint64_t> counts_;  // by mantissa and exponent
};

}  // namespace datalake::curate
