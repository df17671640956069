#include "datalake/server/address_list.h"

#include <gtest/gtest.h>

#include "datalake/testing/matchers.h"

namespace datalake::server {
namespace {

using datalake::testing::IsError;
using datalake::testing::IsOk;

TEST(AddressListTest, ContainsAddressesOfItsNetworks) {
  AddressList list;
  for (const char* network : {"10.1.0.0/16", "192.168.7.128/25", "::1", "2001:db8::/33"}) {
    ASSERT_THAT(list.Add(network), IsOk());
  }
  for (const char* inside :
       {"10.1.255.255", "192.168.7.129", "::1", "2001:db8:7fff::1", "::ffff:10.1.2.3"}) {
    EXPECT_TRUE(list.Contains(inside)) << inside;
  }
  for (const char* outside :
       {"10.2.0.0", "192.168.7.127", "::2", "2001:db8:8000::1", "", "x", "10.1.0.0/16"}) {
    EXPECT_FALSE(list.Contains(outside)) << outside;
  }
}

TEST(AddressListTest, RefusesWhatIsNoNetwork) {
  AddressList list;
  for (const char* network : {"", "x", "10.0.0.0/33", "10.0.0.0/", "::/129", "10.0.0.0/8x"}) {
    EXPECT_THAT(list.Add(network), IsError(ErrorCode::kInvalidArgument, network)) << network;
  }
}

TEST(ClientKeyTest, ManyAddressesOfOneClientAreOne) {
  EXPECT_EQ(ClientKey("10.1.2.3"), "10.1.2.3");
  EXPECT_EQ(ClientKey("::ffff:10.1.2.3"), "10.1.2.3");
  EXPECT_EQ(ClientKey("2001:db8:1:2:3::1"), ClientKey("2001:db8:1:2:ffff::"));
  EXPECT_NE(ClientKey("2001:db8:1:2::"), ClientKey("2001:db8:1:3::"));
}

}  // namespace
}  // namespace datalake::server
