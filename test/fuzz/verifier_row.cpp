// A server's answer about a user decides who gets in. Goal: any row is read or refused in bounds,
// and nobody gets in with what is no verifier, or after its time.
#include "gateway/credentials/verifier_row.hpp"

#include "fuzz/fuzz_input.hpp"

using namespace pgkeel;
using namespace pgkeel::gateway;

int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const ByteSpan bytes(reinterpret_cast<const std::byte*>(input), size);
  const auto row = pg::wire::backend::DataRow::decode(bytes);
  if (!row) return 0;
  const auto role = read_verifier_row(*row);
  if (!role) return 0;
  CHECK(row->values.size() == 3);
  CHECK(!role->password || !std::holds_alternative<PlainPassword>(*role->password));
  if (role->valid_until) CHECK(!role->may_log_in(*role->valid_until));
  if (role->may_log_in(WallTime{})) CHECK(role->can_login && role->password);
  return 0;
}
