#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/lake/feed_snapshot.h"
#include "datalake/lake/layout.h"

namespace datalake::lake {

/// A snapshot that a server makes by itself.
struct SnapshotPlan {
  std::string feed;
  SnapshotKind kind = SnapshotKind::kRaw;
  std::uint64_t every_hours = 0;    ///< after the newest one, when there is anything new; 0: never
  std::uint64_t every_records = 0;  ///< more than the newest one was made from; 0: never
  std::string license = {};
  std::string description = {};
  std::string curation = "{}";  ///< JSON object: the rules
};

/// A copy that a server keeps.
struct CopyPlan {
  std::string feed;
  std::string to;  ///< a folder, or s3://bucket/prefix
};

/// What a server does for feeds by itself: config/publish.yaml (docs/publishing.md).
struct PublishPlan {
  std::vector<SnapshotPlan> snapshots = {};
  std::vector<CopyPlan> copies = {};
  bool compacts = true;  ///< puts the small files of days that have ended together
};

/// The plan of a lake; without the file an empty one. Errors: kInvalidArgument naming file and key
/// (unknown keys with the nearest), kIo.
Result<PublishPlan> ReadPublishPlan(const LakeContext& context);

/// Reads the text of a plan. Errors: kInvalidArgument.
Result<PublishPlan> ParsePublishPlan(std::string_view text, std::string_view where);

}  // namespace datalake::lake
