#include "apps/datalake/commands/commands.h"

namespace datalake::apps {

std::vector<std::unique_ptr<Command>> AllCommands() {
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(MakeTagCommand());
  commands.push_back(MakeDedupeCommand());
  commands.push_back(MakeMixCommand());
  commands.push_back(MakeSearchCommand());
  commands.push_back(MakeSqlCommand());
  AddCollectionCommands(commands);
  return commands;
}

}  // namespace datalake::apps
