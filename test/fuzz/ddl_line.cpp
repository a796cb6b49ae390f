// The record of DDL in a log anybody may write to. Goal: whatever the bytes, what is read is
// bounded and may be shown on a terminal, and has what the record needs.
#include "pg/ddl_line.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"

namespace {

void check_plain(const std::string& text) {
  CHECK(text.size() <= pgkeel::pg::kDdlTextMax);
  CHECK(std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto line = pgkeel::pg::parse_ddl_line(pgkeel::test::text_of(bytes, size));
  if (!line) return 0;
  CHECK(!line->tag.empty() && !line->database.empty());
  CHECK(line->objects.size() <= pgkeel::pg::kDdlObjectsMax);
  CHECK(line->count >= static_cast<std::int64_t>(line->objects.size()));
  CHECK(line->pid >= 0);
  for (const auto* text : {&line->tag, &line->database, &line->role, &line->login,
                           &line->application, &line->address, &line->outcome})
    check_plain(*text);
  for (const auto& object : line->objects) check_plain(object);
  static_cast<void>(pgkeel::pg::describe(*line));
  return 0;
}
