#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/lake/chat_rows.h"

namespace datalake::lake {

/// The forms in which chats go into training, one JSON object a line.
enum class TrainingFormat : std::uint8_t {
  /// {"messages":[{"role","content"}],"id"}: supervised fine-tuning, as OpenAI and TRL take it.
  kSft = 1,
  /// {"prompt":[…],"chosen":[…],"rejected":[…],"id","turn","rating"}: an edited answer is preferred
  /// to the original one, as TRL's DPO and reward trainers take it.
  kPreference = 2,
  /// {"conversations":[{"from":"human"|"gpt"|"system","value"}],"id"}.
  kShareGpt = 3,
  /// {"id","text","source","metadata"}: a document (`datalake tag`) with a line "Turn <n>:" before
  /// the content of each turn, from 0; the roles are in the metadata.
  kText = 4,
};

/// "sft", "pairs", "sharegpt", "text". Errors: kInvalidArgument naming the nearest.
Result<TrainingFormat> ParseTrainingFormat(std::string_view text);

/// Appends the lines that a chat becomes, and returns their number; none when it has nothing to
/// learn from. Rules of kSft and kShareGpt: an edited answer is taken as edited; the chat ends
/// before the first answer that was rated negative or stopped and not edited, and behind its last
/// answer. Thread-safe.
std::size_t AppendTrainingLines(const ChatRows& rows, std::int64_t row, TrainingFormat format,
                                std::string& out);

}  // namespace datalake::lake
