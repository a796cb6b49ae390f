// The server's log holds whatever clients sent. Goal: in each form, bytes in pieces give as many
// events as bytes at once, and no event outgrows the limit.
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "pg/log_line.hpp"

namespace {

void read_in_pieces(pgkeel::pg::ServerLogFormat format, std::string_view text) {
  constexpr std::size_t kPiece = 7;
  pgkeel::pg::LogReader reader(format);
  std::size_t events = 0;
  for (std::size_t at = 0; at < text.size(); at += kPiece)
    events += reader.feed(text.substr(at, kPiece)).size();
  events += reader.finish().size();

  const auto whole = pgkeel::pg::parse_log(format, text);
  CHECK(whole.size() == events);
  for (const auto& line : whole) CHECK(line.message.size() <= pgkeel::pg::kLogLineBytesMax);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto text = pgkeel::test::text_of(bytes, size);
  using enum pgkeel::pg::ServerLogFormat;
  for (const auto format : {Stderr, Csv, Json}) read_in_pieces(format, text);
  return 0;
}
