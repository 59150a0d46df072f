// Who the system topic is, for the roles that it gets; a file of its own, because names must be known when a deployment begins.

@description('System topic of the drop account, with its system-assigned identity on.')
param topicName string

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

output principalId string = topic.identity.principalId
