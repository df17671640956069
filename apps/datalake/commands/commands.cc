#include "apps/datalake/commands/commands.h"

#include <utility>

namespace datalake::apps {

std::vector<std::unique_ptr<Command>> AllCommands() {
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(MakeInitCommand());
  for (std::unique_ptr<Command>& command : MakeConfigCommands()) {
    commands.push_back(std::move(command));
  }
  commands.push_back(MakeUploadCommand());
  AddProcessCommands(commands);
  AddUploadsCommands(commands);
  AddFeedCommands(commands);
  commands.push_back(MakeIngestCommand());
  commands.push_back(MakeTagCommand());
  commands.push_back(MakeDedupeCommand());
  commands.push_back(MakeMixCommand());
  commands.push_back(MakeStatCommand());
  AddTaggersCommands(commands);
  commands.push_back(MakeValidateCommand());
  AddDbCommands(commands);
  commands.push_back(MakeSearchCommand());
  commands.push_back(MakeSqlCommand());
  AddTableCommands(commands);
  AddCollectionCommands(commands);
  commands.push_back(MakeFeedRecordsCommand());
  commands.push_back(MakeFeedWithdrawCommand());
  AddFeedPublishCommands(commands);
  commands.push_back(MakeDownloadCommand());
  commands.push_back(MakeVerifyCommand());
  commands.push_back(MakeGcCommand());
  commands.push_back(MakeTakedownCommand());
  commands.push_back(MakeImportKdlCommand());
  commands.push_back(MakeServeCommand());
  AddTokenCommands(commands);
  commands.push_back(MakeCompletionCommand());
  return commands;
}

}  // namespace datalake::apps
