// See proof.hpp.
#include "archive/catalog/proof.hpp"

#include <ranges>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "archive/catalog/fields.hpp"
#include "archive/catalog/layout.hpp"

namespace pgkeel::archive {
namespace {

using nlohmann::json;

constexpr std::size_t kProofBytesMax = 16U << 20U;

std::map<std::string, std::int64_t> read_rows(const json& from) {
  std::map<std::string, std::int64_t> rows;
  for (const auto& [table, count] : from.at("rows").items())
    rows[table] = fields::number<std::int64_t>(from.at("rows"), table.c_str());
  return rows;
}

Proof read_fields(const json& from) {
  Proof proof;
  const auto kind = fields::text(from, "kind");
  if (kind != "verify" && kind != "drill") throw std::invalid_argument("no such kind");
  proof.kind = kind == "drill" ? Proof::Kind::Drill : Proof::Kind::Verify;
  proof.at = fields::time(from, "at");
  proof.lsn = fields::lsn(from, "lsn");
  proof.holds = fields::flag(from, "holds");
  proof.failure = fields::text(from, "failure");
  proof.checked = from.at("checked").get<std::vector<std::string>>();
  proof.copy_took = fields::millis(from, "copy_ms");
  proof.replay_took = fields::millis(from, "replay_ms");
  proof.rows = read_rows(from);
  return proof;
}

}  // namespace

std::string_view to_string(Proof::Kind kind) {
  return kind == Proof::Kind::Drill ? "drill" : "verify";
}

std::string to_json(const Proof& proof) {
  const json record{{"format", kFormat},
                    {"kind", to_string(proof.kind)},
                    {"at", to_iso8601(proof.at)},
                    {"holds", proof.holds},
                    {"failure", proof.failure},
                    {"checked", proof.checked},
                    {"copy_ms", proof.copy_took.count()},
                    {"replay_ms", proof.replay_took.count()},
                    {"lsn", to_string(proof.lsn)},
                    {"rows", proof.rows}};
  return record.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<Proof> parse_proof(std::string_view text) {
  const auto record = json::parse(text, nullptr, false);
  if (record.is_discarded() || !record.is_object())
    return fail(ErrorCode::Malformed, "no proof: not a JSON object");
  try {
    return read_fields(record);
  } catch (const std::exception& problem) {
    return fail(ErrorCode::Malformed, fmt::format("damaged proof: {}", problem.what()));
  }
}

Result<void> write_proof(Store& store, std::string_view label, const Proof& proof) {
  return write_object(store, proof_key(label, proof.at, to_string(proof.kind)), to_json(proof),
                      Replace::Always);
}

const Proof* Standing::last(Proof::Kind kind) const {
  for (const auto& proof : std::views::reverse(proofs))
    if (proof.kind == kind) return &proof;
  return nullptr;
}

bool Standing::proven() const {
  const auto* drill = last(Proof::Kind::Drill);
  return drill != nullptr && drill->holds;
}

Result<Standing> read_standing(Store& store, std::string_view label) {
  TRY(objects, store.list(backup_prefix(label)));
  Standing standing;
  for (const auto& object : objects) {
    if (object.key == pin_key(label)) standing.pinned = true;
    if (!object.key.starts_with(backup_prefix(label) + "proof-")) continue;
    TRY(text, read_object(store, object.key, kProofBytesMax));
    if (auto proof = parse_proof(text)) standing.proofs.push_back(*std::move(proof));
  }
  return standing;
}

Result<void> pin(Store& store, std::string_view label, WallTime now) {
  const json record{{"format", kFormat}, {"pinned_at", to_iso8601(now)}};
  return write_object(store, pin_key(label), record.dump(2) + "\n", Replace::Always);
}

Result<void> unpin(Store& store, std::string_view label) { return store.remove(pin_key(label)); }

}  // namespace pgkeel::archive
