// See data_owner.hpp.
#include "recover/data_owner.hpp"

#include <charconv>

namespace pgkeel::recover {

Result<instance::Owner> known_data_owner(const incident::Ledger& ledger) {
  TRY(text, ledger.fact(kOwnerFact));
  instance::Owner owner;
  const auto* end = text.data() + text.size();
  const auto uid = std::from_chars(text.data(), end, owner.uid);
  if (uid.ec != std::errc() || uid.ptr == end || *uid.ptr != ':' || owner.uid == 0)
    return fail(ErrorCode::NotFound, "it is not known whose the data directory was");
  const auto gid = std::from_chars(uid.ptr + 1, end, owner.gid);
  if (gid.ec != std::errc() || gid.ptr != end)
    return fail(ErrorCode::NotFound, "it is not known whose the data directory was");
  return owner;
}

}  // namespace pgkeel::recover
