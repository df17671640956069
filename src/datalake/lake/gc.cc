#include "datalake/lake/gc.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "datalake/assets/asset_store.h"
#include "datalake/assets/collector.h"
#include "datalake/json/writer.h"
#include "datalake/lake/asset_roots.h"

namespace datalake::lake {
namespace {

constexpr std::uint64_t kBytesAnAsset = 32;  // of a DigestSet while it grows

class Collection {
 public:
  Collection(Lake& lake, const GcOptions& options, ProgressSink& progress, std::stop_token stop)
      : lake_(lake),
        options_(options),
        progress_(progress),
        stop_(std::move(stop)),
        collector_(lake.context().fs, lake.context().clock, lake.context().random,
                   lake.layout().assets()) {}

  Result<GcReport> Run() {
    report_.applied = options_.apply;
    DATALAKE_TRY(CountStored());
    if (options_.apply) {
      DATALAKE_TRY_ASSIGN(const assets::Trash deleted, collector_.EmptyTrash(options_.trash));
      report_.deleted = deleted.assets;
      report_.deleted_bytes = deleted.bytes;
      DATALAKE_TRY_ASSIGN(const auto state, collector_.State());
      if (!state) {
        DATALAKE_TRY(Condemn());
      }
      DATALAKE_TRY(SweepIfReady());
    } else {
      DATALAKE_TRY(ForEachOrphan([](const assets::StoredAsset&, std::uint64_t) {}));
    }
    DATALAKE_TRY(Describe());
    return std::move(report_);
  }

 private:
  using OnOrphan = std::function<void(const assets::StoredAsset&, std::uint64_t size)>;

  Status CountStored() {
    return collector_.ForEach({}, stop_, [this](const assets::StoredAsset&) -> Status {
      ++report_.stored;
      return {};
    });
  }

  // So many that the marks of one stay within their memory.
  std::vector<assets::FolderRange> Ranges() const {
    const std::uint64_t need = report_.stored * kBytesAnAsset;
    const std::uint64_t passes = std::clamp<std::uint64_t>(
        need / std::max<std::uint64_t>(options_.mark_memory_bytes, 1) + 1, 1, 256);
    std::vector<assets::FolderRange> ranges;
    for (std::uint64_t i = 0; i < passes; ++i) {
      ranges.push_back(
          {.first = static_cast<std::uint32_t>(i * assets::FolderRange::kAll / passes),
           .end = static_cast<std::uint32_t>((i + 1) * assets::FolderRange::kAll / passes)});
    }
    return ranges;
  }

  Result<assets::DigestSet> Mark(const assets::FolderRange& range) {
    return MarkReferenced(lake_, {.threads = options_.threads, .range = range}, progress_, stop_);
  }

  Status ForEachOrphan(const OnOrphan& visit) {
    const Timestamp begin = lake_.context().clock.Now();
    for (const assets::FolderRange& range : Ranges()) {
      DATALAKE_TRY_ASSIGN(const assets::DigestSet marked, Mark(range));
      DATALAKE_TRY(
          collector_.ForEach(range, stop_, [&](const assets::StoredAsset& asset) -> Status {
            if (marked.Contains(*assets::ParseShortDigest(asset.sha256))) {
              return {};
            }
            const std::string path = assets::AssetPath(asset.sha256, asset.extension);
            const auto facts = lake_.context().fs.Stat(lake_.layout().assets() + "/" + path);
            // One that came while the roots were read may be linked by what came with it.
            if (!facts || facts->modified > begin) {
              return {};
            }
            ++report_.orphans;
            report_.orphan_bytes += facts->size_bytes;
            if (report_.listed.size() < options_.max_listed) {
              report_.listed.push_back(
                  {.sha256 = asset.sha256, .path = path, .size_bytes = facts->size_bytes});
            }
            visit(asset, facts->size_bytes);
            return {};
          }));
    }
    return {};
  }

  Status Condemn() {
    std::vector<assets::StoredAsset> orphans;
    DATALAKE_TRY(ForEachOrphan([&](const assets::StoredAsset& asset, std::uint64_t size) {
      orphans.push_back(asset);
      report_.condemned_bytes += size;
    }));
    report_.condemned = orphans.size();
    return orphans.empty() ? Status() : collector_.Condemn(orphans);
  }

  Status SweepIfReady() {
    const Status ready = collector_.CheckReady(options_.grace);
    if (!ready) {
      if (ready.error().code == ErrorCode::kUnavailable) {
        report_.message = ready.error().message;
        return {};
      }
      return ready.error().code == ErrorCode::kNotFound ? Status() : ready;
    }
    for (const assets::FolderRange& range : Ranges()) {
      DATALAKE_TRY_ASSIGN(const assets::DigestSet marked, Mark(range));
      DATALAKE_TRY_ASSIGN(const assets::SweepResult swept,
                          collector_.Sweep(range, [&marked](std::string_view sha256) {
                            return marked.Contains(*assets::ParseShortDigest(sha256));
                          }));
      report_.swept += swept.removed;
      report_.swept_bytes += swept.removed_bytes;
      report_.spared += swept.spared;
    }
    return collector_.Finish();
  }

  Status Describe() {
    DATALAKE_TRY_ASSIGN(const auto state, collector_.State());
    if (state) {
      report_.waiting = state->assets;
      report_.waiting_bytes = state->bytes;
      report_.sweep_after = state->condemned_at + options_.grace;
    }
    DATALAKE_TRY_ASSIGN(const assets::Trash trash, collector_.ReadTrash());
    report_.trash = trash.assets;
    report_.trash_bytes = trash.bytes;
    return {};
  }

  Lake& lake_;
  const GcOptions& options_;
  ProgressSink& progress_;
  std::stop_token stop_;
  assets::AssetCollector collector_;
  GcReport report_;
};

}  // namespace

Result<GcReport> CollectGarbage(Lake& lake, const GcOptions& options, ProgressSink& progress,
                                std::stop_token stop) {
  DATALAKE_TRY(lake.CheckWritable());
  return Collection(lake, options, progress, std::move(stop)).Run();
}

std::string GcReportJson(const GcReport& report) {
  std::string text;
  json::Writer writer(text);
  const auto number = [&writer](std::string_view key, std::uint64_t value) {
    writer.Key(key);
    writer.Uint(value);
  };
  writer.BeginObject();
  writer.Key("applied");
  writer.Bool(report.applied);
  number("stored", report.stored);
  number("orphans", report.orphans);
  number("orphan_bytes", report.orphan_bytes);
  number("condemned", report.condemned);
  number("condemned_bytes", report.condemned_bytes);
  number("swept", report.swept);
  number("swept_bytes", report.swept_bytes);
  number("spared", report.spared);
  number("deleted", report.deleted);
  number("deleted_bytes", report.deleted_bytes);
  number("trash", report.trash);
  number("trash_bytes", report.trash_bytes);
  number("waiting", report.waiting);
  number("waiting_bytes", report.waiting_bytes);
  writer.Key("sweep_after");
  if (report.sweep_after) {
    writer.String(FormatTimestamp(*report.sweep_after));
  } else {
    writer.Null();
  }
  writer.Key("message");
  writer.String(report.message);
  writer.Key("listed");
  writer.BeginArray();
  for (const OrphanAsset& orphan : report.listed) {
    writer.BeginObject();
    writer.Key("sha256");
    writer.String(orphan.sha256);
    writer.Key("path");
    writer.String(orphan.path);
    number("bytes", orphan.size_bytes);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return text;
}

}  // namespace datalake::lake
