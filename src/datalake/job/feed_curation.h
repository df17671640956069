#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/lake/feed_snapshot.h"

namespace datalake::curate {
class TaggerRegistry;
}  // namespace datalake::curate

namespace datalake::json {
class ConfigReader;
}  // namespace datalake::json

namespace datalake::job {

/// What is done to a feed's records before they are published as cleaned or curated. A record is
/// left out by the first rule that finds something, in the order of the members.
struct FeedCurationOptions {
  bool drop_empty = true;              ///< without any text, or a chat without an answer
  std::uint64_t min_chars = 0;         ///< code points of all texts of the record
  std::uint64_t max_chars = 0;         ///< 0: no limit
  std::vector<std::string> languages;  ///< CLD2 codes such as "en"; empty: any
  double min_language_score = 0.5;     ///< share of the text that must be of one of them
  /// Share of characters in the most frequent pair of words, from `repetition_words` words on; 1:
  /// not looked at. 0.2 is Gopher's rule (Rae et al. 2021, table A1).
  double max_repetition = 1;
  std::uint64_t repetition_words = 20;
  double max_link_share = 1;  ///< share of characters that are of URLs; 1: not looked at
  bool drop_duplicates =
      false;  ///< of the texts, without case and white space; the first one stays
  bool mask_personal_data = true;  ///< e-mail addresses, phone numbers, IP addresses

  /// The options that a kind of snapshot has when none are given.
  static FeedCurationOptions For(lake::SnapshotKind kind);

  /// Errors: kInvalidArgument.
  Status Validate() const;
};

/// Reads the keys of a config over the defaults of `kind`; the names are those of the members.
/// Errors: kInvalidArgument (types, ranges, unknown keys naming the nearest).
Result<FeedCurationOptions> ReadFeedCurationOptions(json::ConfigReader& config,
                                                    lake::SnapshotKind kind);

/// The stage of a snapshot that does it, by the taggers of curation (curate/taggers/). Personal
/// data become |||EMAIL_ADDRESS|||, |||PHONE_NUMBER|||, |||IP_ADDRESS||| as the Dolma toolkit does.
/// The texts of a chat are the contents and edits of its turns; of other records, all columns of
/// text but id, source, attribution and day. The result depends on nothing but rows and options.
/// Memory: a batch, and 23 to 46 bytes a record for duplicates. Errors: those of the registry
/// (unknown tagger).
Result<std::unique_ptr<lake::SnapshotStage>> MakeFeedCuration(
    const FeedCurationOptions& options, const curate::TaggerRegistry& registry);

}  // namespace datalake::job
