// pgkeel: one binary. Which commands there are is in command_table.cpp, what each does in
// commands/, how words become a call in cli.cpp.
#include <string>
#include <vector>

#include "app/cli.hpp"
#include "app/command_table.hpp"

int main(int argc, char** argv) {
  return pgkeel::app::run_command_line(pgkeel::app::command_table(),
                                       std::vector<std::string>(argv + 1, argv + argc));
}
