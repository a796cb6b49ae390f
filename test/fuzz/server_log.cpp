// The server's log holds whatever clients sent. Goal: in each form, bytes in pieces give the same
// events as bytes at once, no event outgrows the limit, and each can be classified.
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "pg/log_line.hpp"
#include "pg/log_signature.hpp"

namespace {

using pgkeel::pg::kLogLineBytesMax;
using pgkeel::pg::LogLine;
using pgkeel::pg::ServerLogFormat;

std::vector<LogLine> read_in_pieces(ServerLogFormat format, std::string_view text) {
  constexpr std::size_t kPiece = 7;
  pgkeel::pg::LogReader reader(format);
  std::vector<LogLine> lines;
  for (std::size_t at = 0; at < text.size(); at += kPiece)
    for (auto& line : reader.feed(text.substr(at, kPiece))) lines.push_back(std::move(line));
  for (auto& line : reader.finish()) lines.push_back(std::move(line));
  CHECK(reader.finish().empty());
  return lines;
}

void check_line(const LogLine& line, const LogLine& same) {
  CHECK(line.message == same.message && line.detail == same.detail && line.pid == same.pid);
  CHECK(line.message.size() <= kLogLineBytesMax && line.statement.size() <= kLogLineBytesMax);
  CHECK(line.sqlstate.empty() || line.sqlstate.size() == 5);
  if (const auto signature = classify(line)) {
    CHECK(to_string(*signature) != "unknown");
    static_cast<void>(signature_number(*signature, line));
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto text = pgkeel::test::text_of(bytes, size);
  for (const auto format : {ServerLogFormat::Stderr, ServerLogFormat::Csv, ServerLogFormat::Json}) {
    const auto whole = pgkeel::pg::parse_log(format, text);
    const auto pieces = read_in_pieces(format, text);
    CHECK(whole.size() == pieces.size());
    for (std::size_t i = 0; i < whole.size(); ++i) check_line(whole[i], pieces[i]);
  }
  return 0;
}
