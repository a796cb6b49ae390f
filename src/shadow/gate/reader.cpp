// See reader.hpp.
#include "shadow/gate/reader.hpp"

#include <fmt/format.h>

namespace pgkeel::shadow {

void GateReader::begin(Lsn from) {
  from_ = from;
  records_.reset();
}

std::optional<Lsn> GateReader::goes_on_at() const {
  if (!gate_ || !gate_->position().valid()) return std::nullopt;
  return Lsn(gate_->position().value / segment_bytes_ * segment_bytes_);
}

// Which version wrote it is in its first page.
Result<void> GateReader::meet(ByteSpan bytes) {
  const auto major = pg::major_of_wal_magic(ByteReader(bytes).read<std::uint16_t>());
  if (!major)
    return fail(ErrorCode::Malformed, fmt::format("there is no WAL at {}", to_string(from_)));
  if (gate_ && *major != major_)
    return fail(ErrorCode::Malformed, fmt::format("another version wrote {}", to_string(from_)));
  major_ = *major;
  records_.emplace(pg::WalFormat{major_, segment_bytes_}, from_);
  if (!gate_) gate_.emplace(start_, major_);
  return {};
}

Result<void> GateReader::look(ByteSpan bytes, SteadyTime now) {
  if (bytes.empty()) return {};
  if (!records_) TRY_VOID(meet(bytes));
  records_->feed(bytes);
  while (true) {
    TRY(record, records_->next());
    if (!record) return {};
    TRY_VOID(pass_on(*record, now));
  }
}

Result<void> GateReader::pass_on(const pg::WalRecord& record, SteadyTime now) {
  if (record.start < gate_->position()) return {};
  TRY_VOID(contents_.read(record, major_));
  TRY(meaning, pg::meaning_of(record, contents_, major_));
  gate_->read(record, meaning, now);
  return {};
}

Lsn GateReader::limit(SteadyTime now) { return gate_ ? gate_->limit(now) : start_.passed; }

std::optional<SteadyTime> GateReader::due(SteadyTime now) const {
  return gate_ ? gate_->due(now) : std::nullopt;
}

std::vector<Hold> GateReader::holds() const {
  if (!gate_) return {};
  return {gate_->holds().begin(), gate_->holds().end()};
}

// What a gate that begins where this one is will read again lies behind the segment before.
void GateReader::release(Lsn decided) {
  if (!gate_) {
    start_.released.insert(decided);
    start_.kept.erase(decided);
    return;
  }
  gate_->release(decided);
  const auto passed = gate_->passed().value;
  gate_->forget_released_before(Lsn(passed - std::min(passed, 2 * segment_bytes_)));
}

void GateReader::move(Lsn decided, Lsn before) {
  if (gate_) return gate_->move(decided, before);
  if (const auto kept = start_.kept.find(decided); kept != start_.kept.end())
    kept->second.before = std::max(kept->second.before, std::min(before, decided));
}

Lsn GateReader::position() const {
  return gate_ ? std::max(gate_->position(), start_.passed) : start_.passed;
}

}  // namespace pgkeel::shadow
