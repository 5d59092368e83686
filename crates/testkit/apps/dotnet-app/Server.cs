// The .NET application that gets instrumented: HTTP/1.1 on port 8080, one request per connection.
using System;
using System.Collections;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;

public static class Server
{
    public static void Main()
    {
        var listener = new TcpListener(IPAddress.Any, 8080);
        listener.Start();
        while (true)
        {
            var client = listener.AcceptTcpClient();
            ThreadPool.QueueUserWorkItem(delegate { Answer(client); });
        }
    }

    static void Answer(TcpClient client)
    {
        try
        {
            using (client)
            using (var stream = client.GetStream())
            {
                var reader = new StreamReader(stream, Encoding.ASCII);
                var request = (reader.ReadLine() ?? "").Split(' ');
                while (!string.IsNullOrEmpty(reader.ReadLine())) { }
                string body = request.Length > 1 ? Page(request[1]) : null;
                var bytes = Encoding.UTF8.GetBytes(body ?? "");
                var head = (body == null ? "HTTP/1.1 404 Not Found" : "HTTP/1.1 200 OK")
                    + "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " + bytes.Length
                    + "\r\nConnection: close\r\n\r\n";
                stream.Write(Encoding.ASCII.GetBytes(head), 0, head.Length);
                stream.Write(bytes, 0, bytes.Length);
            }
        }
        catch (IOException)
        {
            // The client left.
        }
    }

    static string Page(string path)
    {
        switch (path)
        {
            case "/":
                return "hello";
            case "/environment":
                var environment = new StringBuilder();
                foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
                {
                    environment.Append(variable.Key).Append('=').Append(variable.Value).Append('\n');
                }
                return environment.ToString();
            case "/loaded":
                // Startup hooks append a line each to this data of the process.
                return (AppDomain.CurrentDomain.GetData("ingraft.loaded") as string) ?? "";
            default:
                return null;
        }
    }
}
