// docs/reference/configuration.md and commands.md are what the tables say. PGKEEL_UPDATE_DOCS=1
// writes them anew.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "app/command_table.hpp"
#include "app/help.hpp"
#include "app/render.hpp"

namespace pgkeel::app {
namespace {

const std::filesystem::path kReference = "docs/reference";  // tests run at the top of the tree

void expect_current(const std::filesystem::path& file, const std::string& wanted) {
  if (std::getenv("PGKEEL_UPDATE_DOCS") != nullptr) std::ofstream(file) << wanted;
  std::stringstream present;
  present << std::ifstream(file).rdbuf();
  EXPECT_EQ(present.str(), wanted) << file << " is old: run this test with PGKEEL_UPDATE_DOCS=1";
}

TEST(Reference, OfTheConfigurationIsCurrent) {
  // Goal: no key is without its line in the reference.
  expect_current(kReference / "configuration.md", configuration_markdown());
}

TEST(Reference, OfTheCommandsIsCurrent) {
  // Goal: no command or option is without its line in the reference.
  expect_current(kReference / "commands.md", commands_markdown(command_table()));
}

TEST(Commands, AreWhole) {
  // Goal: every command has a summary, an example that calls it, and a function.
  const auto table = command_table();
  for (const auto& command : table.commands) {
    EXPECT_FALSE(command.summary.empty()) << command.name;
    EXPECT_TRUE(command.example.starts_with("pgkeel " + std::string(command.name))) << command.name;
    EXPECT_NE(command.run, nullptr) << command.name;
    for (const auto& option : command.options) EXPECT_FALSE(option.help.empty()) << option.names;
    EXPECT_FALSE(command_help_text(command).empty());
  }
}

}  // namespace
}  // namespace pgkeel::app
