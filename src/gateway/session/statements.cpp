// See statements.hpp.
#include "gateway/session/statements.hpp"

#include <algorithm>

#include <fmt/format.h>
#include "pg/wire/fields.hpp"

namespace pgkeel::gateway {
namespace {

// The length comes last, so that no text and path can be cut otherwise.
ByteBuffer key_of(ByteSpan text_and_types, std::string_view path) {
  ByteBuffer key(text_and_types.begin(), text_and_types.end());
  pg::wire::put_bytes(key, std::as_bytes(std::span(path)));
  for (auto left = path.size(), at = std::size_t{0}; at < 4; ++at, left >>= 8U)
    key.push_back(static_cast<std::byte>(left & 0xffU));
  return key;
}

}  // namespace

Statement::Statement(std::uint64_t number, ByteSpan text_and_types, std::string_view path,
                     sql::LexicalRules rules)
    : number_(number),
      name_(fmt::format("{}{}", kStatementPrefix, number)),
      key_(key_of(text_and_types, path)),
      text_bytes_(text_and_types.size()),
      rules_(rules) {
  const auto all = pg::wire::text_of(text_and_types);
  reading_ = sql::read_effects(all.substr(0, all.find('\0')), rules);
}

StatementRef StatementStore::intern(ByteSpan text_and_types, std::string_view path,
                                    sql::LexicalRules rules) {
  const auto key = key_of(text_and_types, path);
  if (const auto found = by_text_->find(pg::wire::text_of(key)); found != by_text_->end()) {
    auto known = found->second.lock();
    if (known->rules() == rules) return known;
    // Read by other rules it may do something else: one of its own.
    return alone(text_and_types, rules);
  }
  const auto forget = [from = by_text_](Statement* statement) {
    // Unless another has its place.
    const auto place = from->find(pg::wire::text_of(statement->key()));
    if (place != from->end() && place->second.expired()) from->erase(place);
    delete statement;
  };
  StatementRef statement(new Statement(++last_number_, text_and_types, path, rules), forget);
  by_text_->emplace(pg::wire::text_of(statement->key()), statement);
  return statement;
}

StatementRef StatementStore::alone(ByteSpan text_and_types, sql::LexicalRules rules) {
  return std::make_shared<Statement>(++last_number_, text_and_types, "", rules);
}

void StatementStore::outdated(const Statement& statement) {
  const auto found = by_text_->find(pg::wire::text_of(statement.key()));
  if (found != by_text_->end() && found->second.lock().get() == &statement) by_text_->erase(found);
}

StatementRef ClientStatements::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

void ClientStatements::put(std::string_view name, StatementRef statement) {
  erase(name);
  bytes_ += statement->text_and_types().size();
  by_name_.emplace(name, std::move(statement));
}

void ClientStatements::erase(std::string_view name) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return;
  bytes_ -= found->second->text_and_types().size();
  by_name_.erase(found);
}

bool ServerStatements::uses(const Statement& statement) {
  const auto found = prepared_.find(statement.number());
  if (found == prepared_.end()) return false;
  found->second.used = ++uses_;
  return true;
}

void ServerStatements::put(StatementRef statement) {
  const auto number = statement->number();
  prepared_[number] = {std::move(statement), ++uses_};
}

StatementRef ServerStatements::take_excess() {
  if (prepared_.size() <= most_) return nullptr;
  const auto oldest =
      std::ranges::min_element(prepared_, {}, [](const auto& entry) { return entry.second.used; });
  auto statement = std::move(oldest->second.statement);
  prepared_.erase(oldest);
  return statement;
}

}  // namespace pgkeel::gateway
