#pragma once

#include <memory>
#include <vector>

#include "apps/datalake/command.h"

namespace datalake::apps {

/// Every command of the program, in the order of --help. A new command is one file in this folder,
/// one declaration and one line in commands.cc.
std::vector<std::unique_ptr<Command>> AllCommands();

std::unique_ptr<Command> MakeInitCommand();
std::vector<std::unique_ptr<Command>> MakeConfigCommands();
std::unique_ptr<Command> MakeUploadCommand();
std::unique_ptr<Command> MakeIngestCommand();
std::unique_ptr<Command> MakeCompletionCommand();
std::unique_ptr<Command> MakeServeCommand();
std::unique_ptr<Command> MakeTagCommand();
std::unique_ptr<Command> MakeDedupeCommand();
std::unique_ptr<Command> MakeMixCommand();
std::unique_ptr<Command> MakeDownloadCommand();
std::unique_ptr<Command> MakeSearchCommand();
std::unique_ptr<Command> MakeSqlCommand();
std::unique_ptr<Command> MakeStatCommand();
std::unique_ptr<Command> MakeValidateCommand();
std::unique_ptr<Command> MakeVerifyCommand();
std::unique_ptr<Command> MakeGcCommand();
std::unique_ptr<Command> MakeTakedownCommand();
std::unique_ptr<Command> MakeImportKdlCommand();

/// feed create, list, show, update, replay.
void AddFeedCommands(std::vector<std::unique_ptr<Command>>& commands);

/// process, process start, status, list.
void AddProcessCommands(std::vector<std::unique_ptr<Command>>& commands);

/// db info, update.
void AddDbCommands(std::vector<std::unique_ptr<Command>>& commands);

/// taggers, and list: the toolkit's word for it.
void AddTaggersCommands(std::vector<std::unique_ptr<Command>>& commands);

/// uploads list, retry, discard.
void AddUploadsCommands(std::vector<std::unique_ptr<Command>>& commands);

/// collections save, import, list, info, export, delete.
void AddCollectionCommands(std::vector<std::unique_ptr<Command>>& commands);
void AddCollectionSaveCommands(std::vector<std::unique_ptr<Command>>& commands);
std::unique_ptr<Command> MakeCollectionExportCommand();

/// token create, list, revoke.
void AddTokenCommands(std::vector<std::unique_ptr<Command>>& commands);

/// table history, diff, delete, restore, compact; and with them the upkeep: vacuum, fsck.
void AddTableCommands(std::vector<std::unique_ptr<Command>>& commands);
void AddTableUpkeepCommands(std::vector<std::unique_ptr<Command>>& commands);

std::unique_ptr<Command> MakeFeedRecordsCommand();
std::unique_ptr<Command> MakeFeedWithdrawCommand();

/// feed export, snapshot, snapshots.
void AddFeedPublishCommands(std::vector<std::unique_ptr<Command>>& commands);

}  // namespace datalake::apps
