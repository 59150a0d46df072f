// The Event Grid system topic of the drop account; an account has one at most.

@description('Name of the topic.')
param name string

@description('Azure region, the account\'s own.')
param location string

@description('Tags.')
param tags object

@description('The account whose events it has.')
param sourceAccountId string

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: name
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    source: sourceAccountId
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

output name string = topic.name
