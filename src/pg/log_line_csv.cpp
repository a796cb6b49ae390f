// csvlog: one record an event, always quoted where it may hold a comma, a quote or a newline
// (src/backend/utils/error/csvlog.c). A record is whole when its quotes are even. 13 has 24
// columns, 14 and later 26; the first 24 are the same.
#include <algorithm>

#include "pg/log_decoder.hpp"
#include "pg/sqlstate.hpp"

namespace pgkeel::pg {
namespace {

enum Column : std::size_t {
  kTime = 0,
  kUser = 1,
  kDatabase = 2,
  kPid = 3,
  kSeverity = 11,
  kSqlstate = 12,
  kMessage = 13,
  kDetail = 14,
  kHint = 15,
  kContext = 18,
  kQuery = 19,
  kApplication = 22,
  kBackendType = 23,
  kColumnsMax = 26,
};

/// One field from the front of `rest`, which is moved behind its comma.
std::string take_field(std::string_view& rest) {
  std::string field;
  if (!rest.starts_with('"')) {
    const auto end = std::min(rest.find(','), rest.size());
    field = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return field;
  }
  std::size_t at = 1;
  for (; at < rest.size(); ++at) {
    if (rest[at] == '"' && (at + 1 >= rest.size() || rest[at + 1] != '"')) break;
    if (rest[at] == '"') ++at;
    field += rest[at];
  }
  const auto comma = std::min(rest.find(',', at), rest.size());
  rest.remove_prefix(std::min(comma + 1, rest.size()));
  return field;
}

std::vector<std::string> split_record(std::string_view record) {
  std::vector<std::string> fields;
  while (!record.empty() && fields.size() < kColumnsMax) fields.push_back(take_field(record));
  return fields;
}

LogLine to_line(std::string_view record) {
  auto fields = split_record(record);
  if (fields.size() <= kMessage) return unknown_line(record);
  fields.resize(kColumnsMax);
  LogLine line;
  line.at = parse_log_time(fields[kTime]);
  line.pid = pid_of(fields[kPid]);
  line.severity = severity_of(fields[kSeverity]);
  if (is_sqlstate(fields[kSqlstate])) line.sqlstate = fields[kSqlstate];
  line.message = std::move(fields[kMessage]);
  line.detail = std::move(fields[kDetail]);
  line.hint = std::move(fields[kHint]);
  line.context = std::move(fields[kContext]);
  line.statement = std::move(fields[kQuery]);
  line.user = std::move(fields[kUser]);
  line.database = std::move(fields[kDatabase]);
  line.application = std::move(fields[kApplication]);
  line.backend_type = std::move(fields[kBackendType]);
  return line;
}

class CsvDecoder final : public LogDecoder {
 protected:
  void take_line(std::string_view line, Whole whole, std::vector<LogLine>& out) override {
    const bool begins = starts_with_time(line);
    // In the middle of what was cut, or of a file opened there: wait for the next record.
    if (skipping_ && !begins) return;
    if (record_.empty() && !begins) {
      if (!line.empty()) out.push_back(unknown_line(line));
      return;
    }
    skipping_ = false;
    if (!record_.empty()) record_ += '\n';
    record_ += line;
    quotes_ += static_cast<std::size_t>(std::ranges::count(line, '"'));
    const bool too_long = whole == Whole::Cut || record_.size() > kLogLineBytesMax;
    if (too_long) record_.resize(std::min(record_.size(), kLogLineBytesMax));
    if (quotes_ % 2 != 0 && !too_long) return;
    flush(out);
    skipping_ = too_long;
  }

  void flush(std::vector<LogLine>& out) override {
    if (!record_.empty()) out.push_back(to_line(record_));
    record_.clear();
    quotes_ = 0;
    skipping_ = false;
  }

 private:
  std::string record_;  ///< its lines so far, at most kLogLineBytesMax
  std::size_t quotes_ = 0;
  bool skipping_ = false;
};

}  // namespace

std::unique_ptr<LogDecoder> make_csv_decoder() { return std::make_unique<CsvDecoder>(); }

}  // namespace pgkeel::pg
