// What is typed into the admin console. Goal: whatever the bytes, a command is read or a bounded
// error is told, and what is read is read again from its plainest spelling.
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "gateway/admin/answers.hpp"

using namespace pgkeel::gateway::admin;

namespace {

std::string plain(const Command& command) {
  std::string text(tag_of(command.verb));
  if (command.database.empty()) return text;
  text += " \"";
  for (const char c : command.database) text += c == '"' ? "\"\"" : std::string(1, c);
  return text + '"';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  constexpr std::size_t kErrorBytesMost = 512;
  const auto command = parse_command(pgkeel::test::text_of(bytes, size));
  ByteBuffer out;
  if (!command) {
    append_error(out, command.error());
    CHECK(out.size() < kErrorBytesMost);
    return 0;
  }
  if (command->verb == Verb::Show) {
    append_show(out, command->topic, {});
    return 0;
  }
  const auto again = parse_command(plain(*command));
  CHECK(again && again->verb == command->verb && again->database == command->database);
  return 0;
}
