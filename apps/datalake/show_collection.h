#pragma once

#include <string>
#include <string_view>

#include "datalake/base/result.h"
#include "datalake/lake/collections.h"

#include "apps/datalake/command.h"
#include "apps/datalake/prompt.h"

namespace datalake::apps {

/// A collection as it is written on the command line and in SQL: NAME, or NAME/VERSION.
struct CollectionName {
  std::string name;
  std::string version;  ///< empty: the newest, or the next
};

/// Cuts at the first slash. Checks nothing.
CollectionName SplitCollectionName(const std::string& text);

/// Checks NAME, or NAME/VERSION, as an answer to a question. Errors: kInvalidArgument.
Status CheckCollectionName(std::string_view text);

/// Who runs the program: $USER, else the number of the user.
std::string CurrentUser();

/// Prints one version: lines for people, or one JSON object. Errors: kIo.
Status ShowCollection(const Context& context, const lake::CollectionInfo& info);

/// Fills an empty `text` with a collection that the user chooses of those there are, and with one
/// of its versions. Errors: kInvalidArgument (nobody to ask), kNotFound (no collections),
/// kCancelled, kIo.
Status AskForCollection(Prompt& prompt, const lake::Collections& collections, std::string& text);

}  // namespace datalake::apps
