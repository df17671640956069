#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::benchmarks {

/// Text rates are stated for a core whose ISA-L inflate runs at this rate.
inline constexpr double kReferenceInflateMbps = 610;

/// CPU seconds of this process so far, all threads.
double ProcessCpuSeconds();

/// Most memory that this process has held, in bytes, since it began or ResetPeakMemory.
std::uint64_t PeakMemoryBytes();

/// Begins the peak anew at what is held now (Linux; elsewhere nothing happens).
void ResetPeakMemory();

/// Uncompressed MB/s (10^6 bytes) per core of CPU time at which ISA-L inflates the .gz file `path`:
/// the best of three passes, page cache hot. Errors: those of reading.
Result<double> InflateMbps(io::FileSystem& fs, std::string_view path);

/// As InflateMbps, of one pass.
Result<double> InflateOnceMbps(io::FileSystem& fs, std::string_view path);

/// Milliseconds of the middle one of 300 writes of 4 KiB, each followed by fdatasync, in `dir`:
/// what a durable step costs at least here and now. Errors: kIo.
Result<double> SyncMillis(io::FileSystem& fs, std::string_view dir);

/// `mbps` as it would be on the reference core: scaled by the inflate rate of the same run.
inline double ScaledMbps(double mbps, double inflate_mbps) {
  return mbps * kReferenceInflateMbps / inflate_mbps;
}

/// The middle one of `values`, or the mean of the middle two; 0 without any.
double Median(std::vector<double> values);

/// Rates of some rounds, each beside the inflate rate of the same moment: a shared machine changes
/// its pace from minute to minute, and a ratio of neighbours does not. Single-threaded.
class ScaledRounds {
 public:
  void Add(double mbps, double inflate_mbps);

  /// Medians over the rounds; 0 without any.
  double raw_mbps() const;
  double inflate_mbps() const;
  double scaled_mbps() const;

 private:
  std::vector<double> raw_;
  std::vector<double> inflate_;
  std::vector<double> scaled_;
};

}  // namespace datalake::benchmarks
