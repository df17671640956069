#include "datalake/curate/stat_histogram.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

namespace datalake::curate {
namespace {

constexpr double kBinsOfPowerOfTwo = 100'000;
constexpr std::int64_t kExponentFactor = 1 << 20;  // mantissas are within +-100,000
constexpr int kExponentOffset = 2048;              // exponents of doubles are above -1074

std::int64_t KeyOf(double value) {
  int exponent = 0;
  const double mantissa = std::frexp(value, &exponent);
  const auto bin = static_cast<std::int64_t>(std::floor(mantissa * kBinsOfPowerOfTwo));
  return (exponent + kExponentOffset) * kExponentFactor + bin + kExponentFactor / 2;
}

double LowerEdge(std::int64_t bin, int exponent) {
  return static_cast<double>(bin) / kBinsOfPowerOfTwo * std::ldexp(1.0, exponent);
}

double ValueOf(std::int64_t key) {
  const auto exponent = static_cast<int>(key / kExponentFactor) - kExponentOffset;
  return LowerEdge(key % kExponentFactor - kExponentFactor / 2, exponent);
}

double UpperEdge(double value) {
  int exponent = 0;
  const double mantissa = std::frexp(value, &exponent);
  return LowerEdge(static_cast<std::int64_t>(std::floor(mantissa * kBinsOfPowerOfTwo)) + 1,
                   exponent);
}

// The weights that no range has taken yet; taken ones are -1.
using OpenWeights = std::vector<std::int64_t>;

// Running sums that begin anew behind each taken weight.
std::vector<std::int64_t> SumsBetweenTaken(const OpenWeights& weights) {
  std::vector<std::int64_t> sums;
  std::int64_t sum = 0;
  for (const std::int64_t weight : weights) {
    sum = weight < 0 ? 0 : sum + weight;
    sums.push_back(sum);
  }
  return sums;
}

// The positions at which ranges of `per_bin` end.
std::vector<std::size_t> ChooseEnds(const OpenWeights& weights, std::int64_t per_bin) {
  std::vector<std::size_t> ends;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] >= per_bin) {
      ends.push_back(i);  // enough by itself
    }
  }
  if (!ends.empty()) {
    return ends;
  }
  std::vector<double> multiples;
  double sum = 0;
  for (const std::int64_t running : SumsBetweenTaken(weights)) {
    multiples.push_back(
        std::nearbyint(static_cast<double>(running) / static_cast<double>(per_bin)));
    sum += multiples.back();
  }
  if (sum <= 0) {
    return {static_cast<std::size_t>(std::max_element(weights.begin(), weights.end()) -
                                     weights.begin())};
  }
  for (std::size_t i = 0; i < multiples.size(); ++i) {
    const double before = multiples[i == 0 ? multiples.size() - 1 : i - 1];  // as numpy.roll
    if (multiples[i] - before > 0) {
      ends.push_back(i);
    }
  }
  return ends;
}

std::vector<std::size_t> EqualCountEnds(std::span<const std::uint64_t> weights, std::size_t bins) {
  OpenWeights open(weights.begin(), weights.end());
  std::set<std::size_t> all = {weights.size() - 1};
  auto wanted = static_cast<std::int64_t>(std::min(bins, weights.size())) - 1;
  while (wanted > 0) {
    std::int64_t left = 0;
    for (const std::int64_t weight : open) {
      left += std::max<std::int64_t>(weight, 0);
    }
    if (left == 0) {
      break;
    }
    const std::vector<std::size_t> chosen = ChooseEnds(open, left / wanted);
    if (chosen.empty()) {
      break;
    }
    if (chosen.back() == open.size() - 1) {
      ++wanted;  // the last one ends there anyway
    }
    const auto stride = std::max<std::size_t>(chosen.size() / static_cast<std::size_t>(wanted), 1);
    const bool too_many = chosen.size() > static_cast<std::size_t>(wanted);
    std::int64_t taken = 0;
    for (std::size_t i = 0; i < chosen.size(); i += too_many ? stride : 1) {
      all.insert(chosen[i]);
      ++taken;
    }
    for (const std::size_t position : chosen) {
      open[position] = -1;
    }
    wanted -= taken;
  }
  return {all.begin(), all.end()};
}

}  // namespace

Histogram EqualWidthHistogram(std::span<const double> values,
                              std::span<const std::uint64_t> weights, std::size_t bins) {
  const double first = values.front();
  const double last = values.back();
  Histogram histogram;
  histogram.counts.resize(bins);
  const double step = (last - first) / static_cast<double>(bins);
  for (std::size_t i = 0; i < bins; ++i) {
    histogram.edges.push_back(static_cast<double>(i) * step + first);
  }
  histogram.edges.push_back(last);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double place = (values[i] - first) / (last - first) * static_cast<double>(bins);
    std::size_t bin = std::min(static_cast<std::size_t>(place), bins - 1);
    // Rounding may have put it one off.
    if (values[i] < histogram.edges[bin]) {
      --bin;
    } else if (bin + 1 < bins && values[i] >= histogram.edges[bin + 1]) {
      ++bin;
    }
    histogram.counts[bin] += weights[i];
  }
  return histogram;
}

Histogram EqualCountHistogram(std::span<const double> values,
                              std::span<const std::uint64_t> weights, std::size_t bins) {
  Histogram histogram;
  if (values.empty() || bins == 0) {
    return histogram;
  }
  histogram.edges.push_back(values.front());
  std::size_t begin = 0;
  for (const std::size_t end : EqualCountEnds(weights, bins)) {
    const auto part = weights.subspan(begin, end + 1 - begin);
    histogram.counts.push_back(std::accumulate(part.begin(), part.end(), std::uint64_t{0}));
    histogram.edges.push_back(end + 1 < values.size() ? (values[end] + values[end + 1]) / 2
                                                      : values[end]);
    begin = end + 1;
  }
  return histogram;
}

void ValueBins::Add(double value, std::uint64_t count) {
  counts_[KeyOf(value)] += count;
}

void ValueBins::Add(const ValueBins& other) {
  for (const auto& [key, count] : other.counts_) {
    counts_[key] += count;
  }
}

ValueBins::Sorted ValueBins::Sort() const {
  std::vector<std::pair<double, std::uint64_t>> bins;
  bins.reserve(counts_.size());
  for (const auto& [key, count] : counts_) {
    bins.emplace_back(ValueOf(key), count);
  }
  std::sort(bins.begin(), bins.end());
  Sorted sorted;
  for (const auto& [value, count] : bins) {
    sorted.values.push_back(value);
    sorted.counts.push_back(count);
  }
  return sorted;
}

Histogram ValueBins::AllBins(Sorted sorted) const {
  const double upper = UpperEdge(sorted.values.back());
  sorted.values.push_back(upper);
  return {std::move(sorted.counts), std::move(sorted.values)};
}

Histogram ValueBins::Summarize(std::size_t bins) const {
  Sorted sorted = Sort();
  return size() <= bins ? AllBins(std::move(sorted))
                        : EqualWidthHistogram(sorted.values, sorted.counts, bins);
}

Histogram ValueBins::SummarizeEqually(std::size_t bins) const {
  Sorted sorted = Sort();
  return size() <= bins ? AllBins(std::move(sorted))
                        : EqualCountHistogram(sorted.values, sorted.counts, bins);
}

}  // namespace datalake::curate
