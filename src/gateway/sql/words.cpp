// See words.hpp: one table of spellings, sorted by first letter and length when it is compiled, and
// for each letter and length where its words stand.
#include "gateway/sql/words.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "gateway/sql/byte_class.hpp"

namespace pgkeel::gateway::sql {
namespace {

struct Spelling {
  std::string_view text;
  Word word = Word::Other;
};

// Follows gram.y and the functions of pg_proc.dat, 13 to 18. A new function that leaves something
// in its session is one line here.
constexpr auto kSpellings = [] {
  auto all = std::to_array<Spelling>({
      {"abort", Word::Abort},
      {"all", Word::All},
      {"alter", Word::Utility},
      {"analyse", Word::Analyze},
      {"analyze", Word::Analyze},
      {"as", Word::As},
      {"atomic", Word::Atomic},
      {"authorization", Word::Authorization},
      {"begin", Word::Begin},
      {"call", Word::Call},
      {"characteristics", Word::Characteristics},
      {"checkpoint", Word::Utility},
      {"close", Word::CloseVerb},
      {"cluster", Word::Utility},
      {"comment", Word::Utility},
      {"commit", Word::Commit},
      {"constraints", Word::Constraints},
      {"copy", Word::Copy},
      {"create", Word::Create},
      {"currval", Word::ReadsSequence},
      {"dblink_connect", Word::TakesResource},
      {"dblink_connect_u", Word::TakesResource},
      {"deallocate", Word::Deallocate},
      {"declare", Word::Declare},
      {"default", Word::Default},
      {"delete", Word::Delete},
      {"discard", Word::Discard},
      {"do", Word::Do},
      {"drop", Word::Drop},
      {"end", Word::End},
      {"execute", Word::Execute},
      {"explain", Word::Explain},
      {"fetch", Word::Utility},
      {"from", Word::From},
      {"global", Word::Global},
      {"grant", Word::Utility},
      {"hold", Word::Hold},
      {"import", Word::Utility},
      {"insert", Word::Insert},
      {"into", Word::Into},
      {"lastval", Word::ReadsSequence},
      {"listen", Word::Listen},
      {"load", Word::Load},
      {"local", Word::Local},
      {"lock", Word::Utility},
      {"merge", Word::Merge},
      {"move", Word::Utility},
      {"names", Word::Names},
      {"notify", Word::Utility},
      {"on", Word::On},
      {"or", Word::Or},
      {"pg_advisory_lock", Word::LocksAdvisory},
      {"pg_advisory_lock_shared", Word::LocksAdvisory},
      {"pg_advisory_unlock_all", Word::UnlocksAdvisory},
      {"pg_backup_start", Word::TakesResource},
      {"pg_catalog", Word::PgCatalog},
      {"pg_copy_logical_replication_slot", Word::TakesResource},
      {"pg_copy_physical_replication_slot", Word::TakesResource},
      {"pg_create_logical_replication_slot", Word::TakesResource},
      {"pg_create_physical_replication_slot", Word::TakesResource},
      {"pg_replication_origin_session_setup", Word::TakesResource},
      {"pg_settings", Word::PgSettings},
      {"pg_start_backup", Word::TakesResource},
      {"pg_temp", Word::TempSchema},
      {"pg_try_advisory_lock", Word::LocksAdvisory},
      {"pg_try_advisory_lock_shared", Word::LocksAdvisory},
      {"prepare", Word::Prepare},
      {"prepared", Word::Prepared},
      {"query_to_xml", Word::RunsText},
      {"query_to_xml_and_xmlschema", Word::RunsText},
      {"query_to_xmlschema", Word::RunsText},
      {"reassign", Word::Utility},
      {"refresh", Word::Utility},
      {"reindex", Word::Utility},
      {"release", Word::Release},
      {"replace", Word::Replace},
      {"reset", Word::Reset},
      {"revoke", Word::Utility},
      {"role", Word::Role},
      {"rollback", Word::Rollback},
      {"savepoint", Word::Savepoint},
      {"schema", Word::Schema},
      {"security", Word::Utility},
      {"select", Word::Select},
      {"sequences", Word::Sequences},
      {"session", Word::Session},
      {"set", Word::Set},
      {"set_config", Word::SetsConfig},
      {"set_limit", Word::SetsLimit},
      {"setseed", Word::SetsSeed},
      {"show", Word::Utility},
      {"start", Word::Start},
      {"table", Word::Table},
      {"temp", Word::Temp},
      {"temporary", Word::Temp},
      {"time", Word::Time},
      {"to", Word::To},
      {"transaction", Word::Transaction},
      {"true", Word::True},
      {"truncate", Word::Utility},
      {"ts_rewrite", Word::RunsText},
      {"ts_stat", Word::RunsText},
      {"unlisten", Word::Unlisten},
      {"update", Word::Update},
      {"vacuum", Word::Utility},
      {"values", Word::Values},
      {"verbose", Word::Verbose},
      {"with", Word::With},
      {"work", Word::WorkWord},
      {"xml", Word::Xml},
      {"zone", Word::Zone},
  });
  std::ranges::sort(all, {}, [](const Spelling& s) { return std::pair(s.text[0], s.text.size()); });
  return all;
}();

constexpr std::string_view kTempSchema = "pg_temp_";
constexpr std::size_t kLongest = 35;  // pg_create_physical_replication_slot

struct Shelf {
  std::uint8_t begin = 0;
  std::uint8_t end = 0;
};

constexpr std::size_t kLetters = 26;
constexpr auto kShelves = [] {
  std::array<std::array<Shelf, kLongest + 1>, kLetters> shelves{};
  for (std::uint8_t i = 0; i < kSpellings.size(); ++i) {
    const auto text = kSpellings[i].text;
    auto& shelf = shelves[static_cast<std::size_t>(text[0] - 'a')][text.size()];
    if (shelf.end == 0) shelf.begin = i;
    shelf.end = i + 1;
  }
  return shelves;
}();
static_assert(kSpellings.size() <= UINT8_MAX);
static_assert(std::ranges::max(kSpellings, {}, [](auto& s) { return s.text.size(); }).text.size() ==
              kLongest);

bool same(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, {}, to_lower);
}

}  // namespace

Word word_of(std::string_view text) {
  if (text.empty()) return Word::Other;
  const auto letter = static_cast<unsigned char>(to_lower(text[0]) - 'a');
  if (letter >= kLetters) return Word::Other;
  if (letter == 'p' - 'a' && text.size() > kTempSchema.size() &&
      same(text.substr(0, kTempSchema.size()), kTempSchema))
    return Word::TempSchema;
  if (text.size() > kLongest) return Word::Other;
  const auto shelf = kShelves[letter][text.size()];
  for (auto i = shelf.begin; i < shelf.end; ++i)
    if (same(text, kSpellings[i].text)) return kSpellings[i].word;
  return Word::Other;
}

Word quoted_word_of(std::string_view text) {
  const auto word = word_of(text);
  return word >= kFirstName ? word : Word::Other;
}

}  // namespace pgkeel::gateway::sql
