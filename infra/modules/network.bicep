// The virtual network of a private installation: the app's subnet, the endpoints' subnet, and one way out.

@description('Name of the network.')
param name string

@description('Azure region.')
param location string

@description('Tags.')
param tags object

@description('Address space.')
param virtualNetworkPrefix string

@description('The app\'s subnet, /27 or larger.')
param appSubnetPrefix string

@description('The subnet of the private endpoints.')
param endpointSubnetPrefix string

resource outAddress 'Microsoft.Network/publicIPAddresses@2024-05-01' = {
  name: '${name}-out'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIPAllocationMethod: 'Static'
  }
}

// Tokens, logs and the host's extension bundle come from public addresses, and subnets have no way out by themselves.
resource wayOut 'Microsoft.Network/natGateways@2024-05-01' = {
  name: '${name}-nat'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIpAddresses: [
      {
        id: outAddress.id
      }
    ]
  }
}

resource noWayIn 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: '${name}-nsg'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'deny-internet-in'
        properties: {
          access: 'Deny'
          direction: 'Inbound'
          priority: 4000
          protocol: '*'
          sourceAddressPrefix: 'Internet'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource virtualNetwork 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        virtualNetworkPrefix
      ]
    }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: appSubnetPrefix
          defaultOutboundAccess: false
          natGateway: {
            id: wayOut.id
          }
          networkSecurityGroup: {
            id: noWayIn.id
          }
          // What Flex Consumption runs on; not Microsoft.Web/serverFarms, as for other plans.
          delegations: [
            {
              name: 'flex'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: endpointSubnetPrefix
          defaultOutboundAccess: false
          networkSecurityGroup: {
            id: noWayIn.id
          }
        }
      }
    ]
  }
}

output virtualNetworkId string = virtualNetwork.id
output appSubnetId string = '${virtualNetwork.id}/subnets/app'
output endpointSubnetId string = '${virtualNetwork.id}/subnets/endpoints'
